/** Contacts over HTTP: found by what is known of them, tagged, held to the declared fields, taken in and given out as tables. */
import { afterAll, describe, expect, test } from 'vitest';
import type { ConversationId } from '../../../src/ids.ts';
import type { Definition } from '../../../src/programs/definition.ts';
import { getConversation } from '../../../src/store/conversations.ts';
import { testApp } from '../../support/app.ts';
import { manualClock } from '../../support/clock.ts';
import { testDatabase } from '../../support/database.ts';
import { makeDefinition } from '../../support/example.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../../support/runtime.ts';

const database = await testDatabase();
const runtime = makeRuntime(database);
const { clock, mailboxes } = runtime;
afterAll(() => runtime.stop());
const accountClock = manualClock(evening);
const { newMember, ids } = await testApp(database, accountClock, { mailboxes });
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const root = '/api/v1/creators/contacts';

const fields = {
  wakeTime: { type: 'time' },
  mood: { type: 'number' },
  member: { type: 'boolean' },
  goal: { type: 'enum', options: ['sleep', 'run'] },
  birthday: { type: 'date' },
  likes: { type: 'list' },
} satisfies Definition['fields'];

async function newCreator() {
  const member = await newMember();
  await publish(database, member.creatorId, makeDefinition({ fields }));
  const importRows = (text: string, query = '', type = 'text/csv') =>
    member.call('POST', `${root}/import${query}`, text, { 'Content-Type': type });
  return { ...member, importRows };
}

/** A contact who has said hello. */
async function contact(creator: Awaited<ReturnType<typeof newCreator>>, patch: unknown = {}): Promise<string> {
  const key = await openTestConversation(database, creator.creatorId);
  await mailboxes.deliver(key, { id: `msg:${ids.uuid()}`, kind: 'message', messageId: ids.uuid(), text: 'sleep' });
  const { contact: row } = await getConversation(database, key);
  expect((await creator.call('PATCH', `${root}/${row.id}`, patch)).status).toBe(200);
  return row.id;
}

describe('a list', async () => {
  const ana = await newCreator();
  const maria = await contact(ana, { name: 'Maria', tags: ['trial'], fields: { mood: 4 } });
  clock.advance(86_400_000);
  const joao = await contact(ana, { name: 'João', tags: ['trial', 'vip'], fields: { mood: 2 } });
  const yesterday = new Date(evening + 3_600_000).toISOString();
  const [conversation] = (await read(await ana.call('GET', '/api/v1/creators/conversations'))).items;
  const found = async (query: Record<string, string>) => {
    const { items } = await read(await ana.call('GET', `${root}?${new URLSearchParams(query)}`));
    return items.map(({ id }: { id: string }) => id);
  };

  test.each([
    ['a filter over tags', { filter: '"vip" in contact.tags' }, [joao]],
    ['a filter over a field', { filter: 'contact.mood > 3.0' }, [maria]],
    ['a tag', { tag: 'trial' }, [joao, maria]],
    ['a tag nobody has', { tag: 'gone' }, []],
    ['a channel', { channel: 'telegram' }, []],
    ['a program and a state', { program_id: conversation.program_id, state: conversation.state }, [joao, maria]],
    ['a state nobody is in', { program_id: conversation.program_id, state: 'nowhere' }, []],
    ['activity since', { active_since: yesterday }, [joao]],
    ['no activity since', { inactive_since: yesterday }, [maria]],
    ['several of these', { tag: 'trial', filter: 'contact.name == "Maria"', channel: 'widget' }, [maria]],
  ])('is narrowed by %s', async (_what, query, expected) => expect(await found(query)).toEqual(expected));

  test('goes on behind its cursor, with a filter too', async () => {
    const first = await read(await ana.call('GET', `${root}?limit=1&filter=${encodeURIComponent('contact.mood > 0.0')}`));
    expect(first.items).toMatchObject([{ id: joao }]);
    const next = await read(
      await ana.call('GET', `${root}?limit=1&filter=${encodeURIComponent('contact.mood > 0.0')}&cursor=${first.next_cursor}`),
    );
    expect(next).toMatchObject({ items: [{ id: maria }], next_cursor: null });
  });

  test('refuses a filter that cannot be read, and what it does not know', async () => {
    for (const query of ['filter=contact.nothing+%3D%3D', 'filter=1', 'active_since=yesterday', 'channel=fax', 'colour=red'])
      expect([query, (await ana.call('GET', `${root}?${query}`)).status]).toEqual([query, 400]);
  });

  test('shows another creator nothing, whatever they ask', async () => {
    const ben = await newCreator();
    for (const query of ['tag=trial', 'filter=contact.mood+%3E+0.0', `program_id=${conversation.program_id}`])
      expect((await read(await ben.call('GET', `${root}?${query}`))).items).toEqual([]);
    expect((await read(await ben.call('GET', `${root}/tags`))).items).toEqual([]);
    expect((await ben.call('PUT', `${root}/${maria}/tags/mine`)).status).toBe(404);
  });

  test('of tags counts who has them, and a tag is given and taken by itself', async () => {
    expect((await read(await ana.call('GET', `${root}/tags`))).items).toEqual([
      { tag: 'trial', contacts: 2 },
      { tag: 'vip', contacts: 1 },
    ]);
    for (let times = 0; times < 2; times++)
      expect((await read(await ana.call('PUT', `${root}/${maria}/tags/a%20b`))).contact.tags).toEqual(['trial', 'a b']);
    expect((await read(await ana.call('DELETE', `${root}/${maria}/tags/a%20b`))).contact.tags).toEqual(['trial']);
    expect((await ana.call('PUT', `${root}/${maria}/tags/${'x'.repeat(101)}`)).status).toBe(400);
  });
});

describe('a field', async () => {
  const ana = await newCreator();
  const id = await contact(ana);

  test.each([
    ['a text for a number', { mood: 'high' }],
    ['a number for a yes or no', { member: 1 }],
    ['an option that is none', { goal: 'fly' }],
    ['a day the calendar lacks', { birthday: '2026-02-30' }],
    ['a time of 25 hours', { wakeTime: '25:00' }],
    ['a text for a list', { likes: 'tea' }],
    ['a field nobody declares', { colour: 'red' }],
  ])('refuses %s and names it', async (_what, given) => {
    const answer = await ana.call('PATCH', `${root}/${id}`, { fields: given });
    const [name] = Object.keys(given);
    expect(answer.status).toBe(422);
    expect((await read(answer)).error).toMatchObject({ code: 'INVALID_FIELD', details: { issues: [{ pointer: `/fields/${name}` }] } });
    expect((await read(await ana.call('GET', `${root}/${id}`))).contact.fields).toEqual({});
  });

  test('takes what its program declares, and null for what nobody declares any more', async () => {
    const given = { mood: 3, member: true, goal: 'run', birthday: '2000-02-29', wakeTime: '07:00', likes: ['tea'] };
    const answer = await ana.call('PATCH', `${root}/${id}`, { fields: { ...given, colour: null } });
    expect((await read(answer)).contact.fields).toEqual(given);
  });
});

describe('an import', async () => {
  const table = [
    'external_id;name;tags;fields.mood;fields.goal;zone',
    '351900000001;Maria;"trial;new";4;sleep;Europe/Lisbon',
    "351900000002;'=João;;;;",
    '351900000003;Rita;;high;;',
    '351900000001;Again;;;;',
    ';Nobody;;;;',
    '351900000004;Eva;;;;Mars/Base',
  ].join('\n');

  test('tells first what would become of it, writes to nobody, and changes nothing the second time', async () => {
    const ana = await newCreator();
    const dry = (await read(await ana.importRows(table, '?dryRun=true'))).import;
    expect(dry).toMatchObject({ dry_run: true, rows: 6, created: 2, updated: 0, refused: 4 });
    expect((await read(await ana.call('GET', root))).items).toEqual([]);
    const first = (await read(await ana.importRows(table))).import;
    expect(first).toEqual({ ...dry, dry_run: false });
    expect(first.errors.map(({ row, message }: { row: number; message: string }) => [row, message])).toEqual([
      [3, expect.stringContaining('"mood"')],
      [4, 'The same contact stands in row 1'],
      [5, 'Name the contact by external_id or id'],
      [6, expect.stringContaining('zone')],
    ]);
    const before = (await read(await ana.call('GET', root))).items;
    // Made within one millisecond, so neither is the newer one.
    const byName = before.toSorted((left: { name: string }, right: { name: string }) => (left.name < right.name ? -1 : 1));
    expect(byName).toMatchObject([
      { name: '=João' },
      { name: 'Maria', tags: ['trial', 'new'], fields: { mood: 4, goal: 'sleep' }, zone: 'Europe/Lisbon' },
    ]);
    accountClock.advance(1_000);
    expect((await read(await ana.importRows(table))).import).toMatchObject({ created: 0, updated: 2 });
    expect((await read(await ana.call('GET', root))).items).toEqual(before);
    expect((await read(await ana.call('GET', '/api/v1/creators/conversations'))).items).toEqual([]);
  });

  test('moves what a program has armed by the zone and the fields it changes', async () => {
    const ana = await newCreator();
    const key = await openTestConversation(database, ana.creatorId);
    for (const text of ['sleep', '7:00'])
      await mailboxes.deliver(key, { id: `msg:${ids.uuid()}`, kind: 'message', messageId: ids.uuid(), text });
    const armed = async () => (await getConversation(database, key)).timers.map(({ dueAt }) => dueAt.getTime());
    const [inLisbon = 0] = await armed();
    const { contact: row } = await getConversation(database, key);
    const rows = (given: object) => ana.importRows(JSON.stringify({ contacts: [{ id: row.id, ...given }] }), '', 'application/json');
    expect((await rows({ zone: 'America/New_York' })).status).toBe(200);
    expect(await armed()).toEqual([inLisbon + 5 * 3_600_000]);
    expect((await rows({ fields: { wakeTime: '08:00' } })).status).toBe(200);
    expect(await armed()).toEqual([inLisbon + 6 * 3_600_000]);
  });

  test('lays rows over those present: tags are added, what is empty stays', async () => {
    const ana = await newCreator();
    const rows = (contacts: unknown[]) => ana.importRows(JSON.stringify({ contacts }), '', 'application/json');
    await rows([{ external_id: 'a', name: 'Maria', tags: ['one'], fields: { mood: 1, likes: ['tea', 'rain'] } }]);
    expect((await read(await rows([{ external_id: 'a', tags: ['two'], fields: { likes: ['tea'] } }]))).import).toMatchObject({
      updated: 1,
    });
    expect((await read(await ana.call('GET', root))).items).toMatchObject([
      { name: 'Maria', tags: ['one', 'two'], fields: { mood: 1, likes: ['tea'] } },
    ]);
  });

  test('meets a contact that a channel knows already, and no contact of another creator', async () => {
    const [ana, ben] = [await newCreator(), await newCreator()];
    const id = await contact(ana, { name: 'Maria' });
    const row = { contacts: [{ id, name: 'Changed' }] };
    const send = (creator: typeof ana) => creator.importRows(JSON.stringify(row), '', 'application/json');
    expect((await read(await send(ben))).import).toMatchObject({ created: 0, updated: 0, refused: 1 });
    expect((await read(await send(ana))).import).toMatchObject({ created: 0, updated: 1, refused: 0 });
    expect((await read(await ana.call('GET', `${root}/${id}`))).contact.name).toBe('Changed');
    await ana.importRows('external_id\nshared');
    expect((await read(await ben.importRows('external_id\nshared'))).import).toMatchObject({ created: 1 });
  });

  test.each([
    ['a column nobody knows', 'external_id,colour\n1,red', 'text/csv', 400],
    ['a column twice', 'external_id,name,name\n1,a,b', 'text/csv', 400],
    ['a quote that is not closed', 'external_id\n"1', 'text/csv', 400],
    ['nothing at all', '', 'text/csv', 400],
    ['rows that are no list', '{"contacts": 1}', 'application/json', 400],
    ['another kind of file', 'external_id\n1', 'text/plain', 415],
    ['more than 10 MiB', `external_id\n${'1,'.repeat(5_300_000)}`, 'text/csv', 413],
    ['more than 20,000 rows', `external_id\n${'x\n'.repeat(20_001)}`, 'text/csv', 413],
  ])('refuses %s, and takes nothing of it', async (_what, text, type, status) => {
    const ana = await newCreator();
    expect((await ana.importRows(text, '', type)).status).toBe(status);
    expect((await read(await ana.call('GET', root))).items).toEqual([]);
  });
});

describe('an export', async () => {
  test('is a table that no spreadsheet computes and an import takes back without change', async () => {
    const ana = await newCreator();
    await ana.importRows('external_id,channel,name,tags,fields.mood\n1,whatsapp,"=cmd|""x"", y",a;b,-2');
    const answer = await ana.call('GET', `${root}/export`);
    expect(answer.headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
    const text = await answer.text();
    const lines = text.trim().split('\r\n');
    expect(lines[0]).toBe(
      'id,channel,external_id,name,zone,language,tags,fields.birthday,fields.goal,fields.likes,fields.member,fields.mood,fields.wakeTime,points,badges,created_at,updated_at',
    );
    expect(lines[1]).toContain(`,whatsapp,1,"'=cmd|""x"", y",,,"a;b",,,,,'-2,,0,,`);
    const before = (await read(await ana.call('GET', root))).items;
    expect((await read(await ana.importRows(text))).import).toMatchObject({ created: 0, updated: 1, refused: 0 });
    expect((await read(await ana.call('GET', root))).items).toEqual(before);
    expect((await (await ana.call('GET', `${root}/export?filter=contact.mood+%3E+0.0`)).text()).trim().split('\r\n')).toHaveLength(1);
  });

  test('holds nothing of another creator, is on the audit, and asks for the password anew', async () => {
    const [ana, ben] = [await newCreator(), await newCreator()];
    await ana.importRows('external_id,name\n1,Secret');
    expect(await (await ben.call('GET', `${root}/export`)).text()).not.toContain('Secret');
    const actions = (await read(await ana.call('GET', '/api/v1/auth/audit'))).items.map(({ action }: { action: string }) => action);
    expect(actions).toContain('contacts.import');
    accountClock.advance(11 * 60_000);
    expect((await read(await ana.call('GET', `${root}/export`))).error.code).toBe('REAUTH_REQUIRED');
  });
});

test('conversations that wait for a person are listed until a person has written', async () => {
  const ana = await newCreator();
  await contact(ana);
  const list = async () => (await read(await ana.call('GET', '/api/v1/creators/conversations?waiting=true'))).items;
  expect(await list()).toEqual([]);
  const [{ id }] = (await read(await ana.call('GET', '/api/v1/creators/conversations'))).items;
  await ana.call('POST', `/api/v1/creators/conversations/${id}/takeover`);
  expect(await list()).toMatchObject([{ id }]);
  await ana.call('POST', `/api/v1/creators/conversations/${id}/messages`, { text: 'Here I am' });
  expect(await list()).toEqual([]);
  const key = { creatorId: ana.creatorId, conversationId: id as ConversationId };
  await mailboxes.deliver(key, { id: `msg:${ids.uuid()}`, kind: 'message', messageId: ids.uuid(), text: 'Thank you' });
  expect(await list()).toMatchObject([{ id }]);
  await ana.call('POST', `/api/v1/creators/conversations/${id}/release`);
  expect(await list()).toEqual([]);
});
