/** Broadcasts and progress over HTTP, over the real runtime: who gets it and when, each once, and why points are there. */
import { afterAll, expect, test } from 'vitest';
import { createBroadcastPump } from '../../../src/actors/broadcasts.ts';
import { createPrograms } from '../../../src/actors/live-programs.ts';
import { broadcastsRoutes } from '../../../src/http/routes/broadcasts.ts';
import { progressRoutes } from '../../../src/http/routes/progress.ts';
import { createMemoryFanOut } from '../../../src/shared/memory.ts';
import { patchContact } from '../../../src/store/contacts.ts';
import { getConversation, messagesAfter } from '../../../src/store/conversations.ts';
import { testApp } from '../../support/app.ts';
import { manualClock } from '../../support/clock.ts';
import { testDatabase } from '../../support/database.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../../support/runtime.ts';
import { silentLog } from '../../support/silent-log.ts';

const database = await testDatabase();
const runtime = makeRuntime(database);
const { clock, mailboxes } = runtime;
const programs = createPrograms({ db: database, clock, log: silentLog, fanOut: createMemoryFanOut(() => undefined) });
const pump = createBroadcastPump({ db: database, clock, log: quietLog, mailboxes });
afterAll(() => Promise.all([pump.stop(), runtime.stop()]));

const { newMember } = await testApp(database, manualClock(evening), {
  // Signed in on a clock of its own, so that nobody is signed out when time is turned.
  mailboxes,
  mounts: ({ member }) => [
    {
      path: '/api/v1/creators/broadcasts',
      routes: broadcastsRoutes({ database, programs, clock, member, wake: () => undefined }),
    },
    { path: '/api/v1/creators/contacts', routes: progressRoutes({ database, programs, clock, member }) },
  ],
});
const { call, creatorId } = await newMember();
await publish(database, creatorId);
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const path = '/api/v1/creators/broadcasts';

/** A contact in a zone with some tags, who has said hello. */
async function contact(zone: string, tags: readonly string[]) {
  const key = await openTestConversation(database, creatorId);
  const { contact: row } = await getConversation(database, key);
  await patchContact(database, creatorId, row.id, { zone, tags }, evening);
  await mailboxes.deliver(key, { id: 'msg:hello', kind: 'message', messageId: crypto.randomUUID(), text: 'sleep' });
  return { key, id: row.id, texts: async () => (await messagesAfter(database, key, 0, 100)).map((said) => said.body.text) };
}

const lisbon = await contact('Europe/Lisbon', ['trial']);
const tokyo = await contact('Asia/Tokyo', ['trial']);
const other = await contact('Europe/Lisbon', []);

const news = { content: { en: { text: 'We have news' }, pt: { text: 'Temos novidades' } }, class: 'nudge' };

test('who would get it and when is told before anything is sent', async () => {
  const asked = { ...news, filter: '"trial" in contact.tags', at: '2026-10-21T19:00' };
  const answer = await call('POST', path, { ...asked, dry_run: true });
  expect(await (await call('POST', `${path}?dryRun=true`, asked)).json()).toEqual(await answer.clone().json());
  expect((await call('POST', `${path}?dryrun=true`, asked)).status).toBe(400);
  expect(answer.status).toBe(200);
  const { broadcast, preview } = await read(answer);
  expect(broadcast).toBeNull();
  expect(preview).toMatchObject({
    recipients: 2,
    first: [
      { contact_id: tokyo.id, at: '2026-10-21T10:00:00.000Z' },
      { contact_id: lisbon.id, at: '2026-10-21T18:00:00.000Z' },
    ],
  });
});

test('it reaches each contact of the group once, at their own hour, and says how far it is', async () => {
  const answer = await call('POST', path, { ...news, filter: '"trial" in contact.tags', at: '2026-10-21T19:00' });
  expect(answer.status).toBe(202);
  const { broadcast } = await read(answer);
  pump.start();
  clock.set(Date.UTC(2026, 9, 21, 10, 0, 1));
  pump.wake();
  await expect.poll(async () => (await tokyo.texts()).filter((text) => text === 'We have news').length).toBe(1);
  expect(await lisbon.texts()).not.toContain('We have news');
  const half = (await read(await call('GET', `${path}/${broadcast.id}`))).broadcast;
  expect(half).toMatchObject({ progress: { planned: 1, taken: 1, failed: 0 }, next: [{ contact_id: lisbon.id }] });
  clock.set(Date.UTC(2026, 9, 21, 18, 0, 1));
  pump.wake();
  await expect.poll(async () => (await lisbon.texts()).filter((text) => text === 'We have news').length).toBe(1);
  expect(await other.texts()).not.toContain('We have news');
  await expect
    .poll(async () => (await read(await call('GET', `${path}/${broadcast.id}`))).broadcast)
    .toMatchObject({ progress: { planned: 0, taken: 2 }, decisions: [{ do: 'send', reason: 'nudge', count: 2 }] });
});

test('one whose answer was lost is not sent again under its key: neither when the database or the server was cut off, nor other words', async () => {
  const send = (text = 'Only once', key = 'lost') =>
    call('POST', path, { content: { en: { text } }, class: 'nudge', at: '2027-02-01T09:00:00Z' }, { 'Idempotency-Key': key });
  const first = await read(await send());
  // As a process leaves it that ended before it had kept its answer, more than two minutes ago.
  const cutOff = () =>
    database.tenant(creatorId, (sql) =>
      sql(
        `update idempotency_keys set status = null, fingerprint = null, claimed_at = claimed_at - interval '3 minutes' where key = 'lost'`,
      ),
    );
  await cutOff();
  const again = await send();
  expect([again.status, await read(again)]).toEqual([202, first]);
  await cutOff();
  expect((await send('Other words')).status).toBe(409);
  expect((await read(await send('Only once', 'found'))).broadcast.id).not.toBe(first.broadcast.id);
});

test('the pump stops between two batches', async () => {
  const claims = Promise.withResolvers<void>();
  let rounds = 0;
  const endless = {
    ...database,
    routing: async (text: string) => {
      if (!text.includes('claim_broadcasts')) return [] as never[];
      rounds += 1;
      if (rounds === 3) claims.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      return [{ creator_id: creatorId, broadcast_id: crypto.randomUUID(), contact_id: other.id }] as never[];
    },
  } as typeof database;
  const herd = createBroadcastPump({ db: endless, clock, log: quietLog, mailboxes });
  herd.start();
  await claims.promise;
  await herd.stop();
  expect(rounds).toBeLessThan(5);
});

test('the first of its languages stands in for those it does not have', async () => {
  await patchContact(database, creatorId, other.id, { language: 'de' }, clock.now());
  const content = { pt: { text: 'Boas notícias' }, en: { text: 'Good news' } };
  await call('POST', path, { content, class: 'nudge', filter: 'contact.language == "de"' });
  pump.wake();
  await expect.poll(other.texts).toContain('Boas notícias');
});

test('what has not gone out can be cancelled', async () => {
  const { broadcast } = await read(await call('POST', path, { event: 'sale', at: '2027-01-01T00:00:00Z' }));
  expect((await call('DELETE', `${path}/${broadcast.id}`)).status).toBe(204);
  expect((await read(await call('GET', `${path}/${broadcast.id}`))).broadcast).toMatchObject({
    cancelled: true,
    progress: { planned: 0, cancelled: 3 },
  });
});

test('another creator sees nothing of it', async () => {
  const { broadcast } = await read(await call('POST', path, { event: 'sale', at: '2027-01-01T00:00:00Z' }));
  const stranger = await newMember();
  expect((await stranger.call('GET', `${path}/${broadcast.id}`)).status).toBe(404);
  expect((await stranger.call('DELETE', `${path}/${broadcast.id}`)).status).toBe(404);
});

test.each([
  ['a filter that cannot be read', { ...news, filter: 'contact.nothing ==' }],
  ['a filter that gives a number', { ...news, filter: 'contact.points + 1' }],
  ['neither words nor event', { filter: '' }],
  ['a time that does not exist', { ...news, at: '2026-13-45T99:00' }],
  ['no words at all', { content: {} }],
  ['an unknown key', { ...news, colour: 'red' }],
])('%s is refused', async (_name, json) => {
  expect((await call('POST', path, json)).status).toBe(400);
});

test('progress is told, and explained from the record', async () => {
  const answer = await read(await call('GET', `/api/v1/creators/contacts/${lisbon.id}/progress?explain=true`));
  expect(answer).toMatchObject({ progress: { points: 0, badges: [], levels: [] }, explanation: { earned: [], up_to_date: true } });
  expect((await call('GET', `/api/v1/creators/contacts/${crypto.randomUUID()}/progress`)).status).toBe(404);
});
