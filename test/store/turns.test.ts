/** The commit of turns by table: what is written, what is refused, and what the pumps may claim. */
import { describe, expect, it } from 'vitest';
import { type ContactId, type ConversationId, type CreatorId, type SessionId, systemIds } from '../../src/ids.ts';
import { listTurns, openConversation } from '../../src/store/conversations.ts';
import { claimEffects, claimTimers, commitTurns, loadConversations, nextEffect, nextTimer, type TurnRow } from '../../src/store/turns.ts';
import { testCreator, testDatabase } from '../support/database.ts';

const db = await testDatabase();
const noon = Date.parse('2026-11-21T12:00:00Z');

interface Opened {
  creatorId: CreatorId;
  conversationId: ConversationId;
  contactId: ContactId;
}

async function open(creatorId?: CreatorId): Promise<Opened> {
  const owner = creatorId ?? (await testCreator(db));
  const sessionId = systemIds.uuid<SessionId>();
  const ids = { conversationId: systemIds.uuid<ConversationId>(), contactId: systemIds.uuid<ContactId>() };
  await openConversation(db, { creatorId: owner, sessionId, ...ids, channel: 'widget', externalId: sessionId, at: noon });
  return { creatorId: owner, ...ids };
}

function turnOf(of: Opened, expected = 0, over: Partial<TurnRow> = {}): TurnRow {
  return {
    creator: of.creatorId,
    conversation: of.conversationId,
    at: new Date(noon).toISOString(),
    expected,
    contact_id: of.contactId,
    contact_expected: 0,
    seq: expected + 1,
    program_id: null,
    program_version: null,
    snapshot: '{"n":1}',
    state: 'asking',
    control: 'bot',
    status: 'active',
    outcome: null,
    inputs: [{ id: `i${expected}`, kind: 'message', payload: {}, result: { seq: expected + 1 }, trace: {} }],
    ...over,
  };
}

const ana = { name: 'Ana', zone: null, language: null, fields: {}, tags: [], consent: {}, progress: {}, sends: [] };
const commit = async (...turns: TurnRow[]) => (await commitTurns(db, turns)).map((turn) => turn.outcome);
const message = (seq: number) => ({
  seq,
  id: systemIds.uuid(),
  role: 'coach' as const,
  class: 'reply',
  body: { text: 'Hi' },
  at: new Date(noon).toISOString(),
});
const rows = (of: Opened, table: string) => db.tenant(of.creatorId, (sql) => sql(`select * from ${table}`));
const versionOf = async (of: Opened) => (await loadConversations(db, [of]))[0]?.conversation.version;

describe('a commit', () => {
  it('changes no column of a conversation that an index holds, so that a turn touches none of them', async () => {
    const indexed = await db.routing<{ name: string }>(
      `select distinct a.attname as name from pg_index i join pg_attribute a on a.attrelid = i.indrelid
         and (a.attnum = any (i.indkey) or pg_get_expr(i.indpred, i.indrelid) ~ a.attname)
       where i.indrelid = 'conversations'::regclass`,
    );
    // These change seldom, or never.
    const kept = [
      'creator_id',
      'id',
      'session_id',
      'contact_id',
      'program_id',
      'program_version',
      'connection_id',
      'active_hour',
      'control',
    ];
    expect(indexed.map(({ name }) => name).filter((name) => !kept.includes(name))).toEqual([]);
  });

  it('writes every part of a turn', async () => {
    const of = await open();
    const turn = turnOf(of, 0, {
      contact: { name: 'Ana', zone: 'Europe/Madrid', language: 'es', fields: { a: 1 }, tags: ['x'], consent: {}, progress: {}, sends: [] },
      messages: [message(1)],
      timers_set: [{ id: 't', generation: 1, due_at: new Date(noon).toISOString(), detail: {} }],
      effects: [{ id: 'write-e', type: 'send', lane: 'l', ordinal: 0, params: { m: 1 } }],
      awards: [{ id: 'w', kind: 'points', points: 5, name: 'n' }],
    });
    expect(await commit(turn)).toEqual(['committed']);
    const [loaded] = await loadConversations(db, [of]);
    expect(loaded?.conversation).toMatchObject({ version: 1, seq: 1, snapshot: '{"n":1}', state: 'asking', status: 'active' });
    expect(loaded?.contact).toMatchObject({ version: 1, name: 'Ana', zone: 'Europe/Madrid', fields: { a: 1 }, tags: ['x'] });
    for (const table of ['inputs', 'messages', 'timers', 'effects', 'awards']) expect(await rows(of, table)).toHaveLength(1);
    await commit(turnOf(of, 1, { contact_expected: 1, effects_ended: [{ id: 'write-e', status: 'done', result: null }] }));
  });

  it('changes nothing for a repeated input and gives its first result, even where the version is old', async () => {
    const of = await open();
    await commit(turnOf(of));
    for (const again of [turnOf(of, 0, { messages: [message(9)] }), turnOf(of, 1, { inputs: turnOf(of).inputs })]) {
      expect(await commitTurns(db, [again])).toEqual([{ outcome: 'duplicate', known: { i0: { seq: 1 } } }]);
    }
    expect(await versionOf(of)).toBe(1);
    expect(await rows(of, 'messages')).toEqual([]);
  });

  it.each<[string, (of: Opened) => Promise<TurnRow> | TurnRow]>([
    ['the conversation moved on', (of) => turnOf(of, 7)],
    ['the contact moved on', (of) => turnOf(of, 0, { contact_expected: 3 })],
    ['the contact that it changes moved on', (of) => turnOf(of, 0, { contact_expected: 3, contact: ana })],
    ['there is no such conversation', (of) => turnOf({ ...of, conversationId: systemIds.uuid() })],
    ['the conversation is another creator’s', async (of) => turnOf({ ...of, creatorId: await testCreator(db) })],
  ])('writes nothing when %s', async (_, conflicting) => {
    const of = await open();
    const turn = { ...(await conflicting(of)), messages: [message(1)] };
    expect(await commitTurns(db, [turn])).toEqual([{ outcome: 'conflict', known: null }]);
    expect([await versionOf(of), await rows(of, 'inputs'), await rows(of, 'messages')]).toEqual([0, [], []]);
  });

  it('judges each turn of a batch on its own, under its own creator', async () => {
    const [one, two, three] = [await open(), await open(), await open()];
    await commit(turnOf(three));
    expect(await commit(turnOf(one), turnOf(two, 5), turnOf(three), turnOf({ ...one, creatorId: two.creatorId }, 1))).toEqual([
      'committed',
      'conflict',
      'duplicate',
      'conflict',
    ]);
    expect([await versionOf(one), await versionOf(two), await versionOf(three)]).toEqual([1, 0, 1]);
    expect(await rows(two, 'inputs')).toEqual([]);
  });

  it('lets the first of two turns that change one contact go on, and the other see the change', async () => {
    const one = await open();
    const sessionId = systemIds.uuid<SessionId>();
    const two = { ...one, conversationId: systemIds.uuid<ConversationId>() };
    await db.tenant(one.creatorId, (sql) =>
      sql(`insert into conversations (creator_id, id, session_id, contact_id, channel) values ($1, $2, $3, $4, 'widget')`, [
        one.creatorId,
        two.conversationId,
        sessionId,
        one.contactId,
      ]),
    );
    const [first, second] = [turnOf(one, 0, { contact: ana, messages: [message(1)] }), turnOf(two, 0, { messages: [message(1)] })];
    expect(await commit(first, second)).toEqual(['committed', 'conflict']);
    expect(await rows(one, 'messages')).toMatchObject([{ conversation_id: one.conversationId }]);
    expect(await commit({ ...second, contact: ana, contact_expected: 1 })).toEqual(['committed']);
    expect((await loadConversations(db, [two]))[0]?.contact.version).toBe(2);
  });

  it('changes the contact of each turn that has one, and of no turn that is refused', async () => {
    const one = await open();
    const [two, three, four] = [await open(one.creatorId), await open(one.creatorId), await open(one.creatorId)];
    const named = (name: string) => ({ contact: { ...ana, name, tags: [name] } });
    expect(await commit(turnOf(one, 0, named('One')), turnOf(two, 5, named('Two')), turnOf(three), turnOf(four, 0, named('Four')))).toEqual(
      ['committed', 'conflict', 'committed', 'committed'],
    );
    const names = async (of: Opened) => (await loadConversations(db, [of]))[0]?.contact;
    expect(await names(one)).toMatchObject({ name: 'One', tags: ['One'], version: 1 });
    expect(await names(two)).toMatchObject({ tags: [], version: 0 });
    expect(await names(three)).toMatchObject({ tags: [], version: 0 });
    expect(await names(four)).toMatchObject({ name: 'Four', tags: ['Four'], version: 1 });
  });

  it('keeps the order of the inputs of a turn', async () => {
    const of = await open();
    const inputs = ['z', 'a', 'm'].map((id) => ({ id, kind: 'message', payload: {}, result: {}, trace: {} }));
    await commit(turnOf(of, 0, { inputs }));
    expect((await listTurns(db, of, 9, 9)).map(({ inputId }) => inputId)).toEqual(['m', 'a', 'z']);
    expect((await listTurns(db, of, 9, 9, 1)).map(({ inputId }) => inputId)).toEqual(['a', 'z']);
  });

  it('sets, moves and clears timers', async () => {
    const of = await open();
    const timer = (generation: number, due: number) => ({ id: 't', generation, due_at: new Date(due).toISOString(), detail: {} });
    await commit(turnOf(of, 0, { timers_set: [timer(1, noon), { ...timer(1, noon), id: 'u' }] }));
    await commit(turnOf(of, 1, { timers_cleared: ['u', 'unknown'], timers_set: [timer(2, noon + 1_000)] }));
    expect(await rows(of, 'timers')).toMatchObject([{ timer_id: 't', generation: 2, due_at: new Date(noon + 1_000) }]);
    await commit(turnOf(of, 2, { timers_cleared: ['t'], timers_set: [timer(3, noon)] }));
    expect(await rows(of, 'timers')).toMatchObject([{ generation: 3 }]);
    await commit(turnOf(of, 3, { timers_cleared: ['t'] }));
    expect(await rows(of, 'timers')).toEqual([]);
  });

  it('ends an effect once', async () => {
    const of = await open();
    await commit(turnOf(of, 0, { effects: [{ id: 'once', type: 'send', lane: 'l', ordinal: 0, params: {} }] }));
    await commit(turnOf(of, 1, { effects_ended: [{ id: 'once', status: 'done', result: { a: 1 } }] }));
    await commit(turnOf(of, 2, { effects_ended: [{ id: 'once', status: 'failed', result: null }] }));
    expect(await rows(of, 'effects')).toMatchObject([{ status: 'done', result: { a: 1 } }]);
  });

  it('pays an award once', async () => {
    const of = await open();
    const awards = [{ id: 'paid', kind: 'points', points: 5, name: 'n' }];
    await commit(turnOf(of, 0, { awards }));
    expect(await commit(turnOf(of, 1, { awards }))).toEqual(['committed']);
    expect(await rows(of, 'awards')).toHaveLength(1);
  });

  it.each(['inputs', 'messages', 'timers', 'effects'])(
    'leaves nothing in %s of a conversation that is deleted, and all of the others',
    async (table) => {
      const of = await open();
      const other = await open(of.creatorId);
      const parts = (place: Opened) => ({
        messages: [message(1)],
        timers_set: [{ id: 'nudge', generation: 1, due_at: new Date(noon).toISOString(), detail: {} }],
        effects: [{ id: `${place.conversationId}/0/send`, type: 'send', lane: 'send', ordinal: 0, params: {} }],
      });
      expect(await commit(turnOf(of, 0, parts(of)), turnOf(other, 0, parts(other)))).toEqual(['committed', 'committed']);
      await db.tenant(of.creatorId, (sql) => sql('delete from contacts where id = $1', [of.contactId]));
      expect(await rows(of, table)).toMatchObject([{ conversation_id: other.conversationId }]);
    },
  );

  it('loses no race between two commits of one conversation', async () => {
    const of = await open();
    const racers = Array.from({ length: 8 }, (_, index) =>
      commit(turnOf(of, 0, { inputs: [{ id: `r${index}`, kind: 'message', payload: {}, result: {}, trace: {} }] })),
    );
    expect((await Promise.all(racers)).flat().filter((outcome) => outcome === 'committed')).toHaveLength(1);
    expect(await versionOf(of)).toBe(1);
  });
});

it('loads many conversations of many creators, and none under a wrong one', async () => {
  const [one, two] = [await open(), await open()];
  const loaded = await loadConversations(db, [one, two, { ...one, creatorId: two.creatorId }]);
  expect(loaded.map((row) => row.conversation.id).sort()).toEqual([one.conversationId, two.conversationId].sort());
  expect(await loadConversations(db, [])).toEqual([]);
});

describe('claims', () => {
  const of = open();
  const hold = 30_000;
  const ended = (status: string, id: string) => [{ id, status, result: null }];

  it('give a due timer to one claimer until the claim runs out, and none that is not due', async () => {
    const key = await of;
    const timers_set = [0, 60_000].map((later) => ({
      id: `c${later}`,
      generation: 1,
      due_at: new Date(noon + later).toISOString(),
      detail: {},
    }));
    await commit(turnOf(key, 0, { timers_set }));
    const mine = async (wall: number) =>
      (await claimTimers(db, { now: noon, wall, holdMs: hold, most: 100, rested: [] })).filter(
        (timer) => timer.conversation_id === key.conversationId,
      );
    expect(await mine(noon)).toMatchObject([{ timer_id: 'c0', generation: 1, due_at: new Date(noon) }]);
    expect(await mine(noon + hold - 1)).toEqual([]);
    expect(await mine(noon + hold)).toHaveLength(1);
    expect(await nextTimer(db, noon + hold)).toBeGreaterThan(noon);
  });

  it('give the first effect of each lane, the next only after its end, and again after the lease', async () => {
    const key = await of;
    const plan = (id: string, lane: string, ordinal: number) => ({ id, type: 'send', lane, ordinal, params: {} });
    await commit(turnOf(key, 1, { effects: [plan('a1', 'a', 0), plan('a2', 'a', 1), plan('b1', 'b', 2)] }));
    const claim = async (wall: number) =>
      (await claimEffects(db, { wall, holdMs: hold, most: 100, rested: [] }))
        .flatMap((effect) => (effect.conversation_id === key.conversationId ? [effect.id] : []))
        .sort();
    expect(await claim(noon)).toEqual(['a1', 'b1']);
    expect(await claim(noon)).toEqual([]);
    // a2 waits behind a1: it must not wake the pump before the lease is over.
    expect(await nextEffect(db)).toBe(noon + hold);
    await commit(turnOf(key, 2, { effects_ended: ended('done', 'a1') }));
    expect(await claim(noon)).toEqual(['a2']);
    expect(await claim(noon + hold)).toEqual(['a2', 'b1']);
    expect(await nextEffect(db)).toBe(noon + 2 * hold);
    await commit(turnOf(key, 3, { effects_ended: [...ended('cancelled', 'a2'), ...ended('uncertain', 'b1')] }));
    expect(await claim(noon + 10 * hold)).toEqual([]);
  });
});
