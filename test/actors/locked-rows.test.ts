/** A row that somebody keeps locked, on a PostgreSQL server: whoever needs it is refused in time, and nobody else waits for it. */
import pg from 'pg';
import { afterEach, describe, expect, inject, it } from 'vitest';
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import type { Database } from '../../src/database.ts';
import type { ContactId } from '../../src/ids.ts';
import { getConversation } from '../../src/store/conversations.ts';
import { mergeContacts } from '../../src/store/merge-contacts.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { testCreator } from '../support/database.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';
import { silentLog } from '../support/silent-log.ts';
import { createDatabase, dropDatabase, urlOf } from '../support/test-server.ts';

const server = process.env.TEST_DATABASE_URL ?? '';

describe.skipIf(server === '')('a row that is kept locked', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  /** A database of its own with these limits, and a session beside it that may see and lock everything. */
  async function open(limits: { answerTimeoutMs: number; lockTimeoutMs: number }): Promise<{ db: Database; beside: pg.Client }> {
    const name = await createDatabase(server, inject('postgresTemplate'));
    ends.push(() => dropDatabase(server, name));
    const db = await openPostgres({ url: urlOf(server, name), log: silentLog, poolSize: 5, ...limits });
    ends.push(() => db.close());
    const url = new URL(server);
    url.pathname = `/${name}`;
    const beside = new pg.Client({ connectionString: url.href });
    await beside.connect();
    ends.push(() => beside.end());
    return { db, beside };
  }

  const message = (text: string): Input => ({ id: `msg:${crypto.randomUUID()}`, kind: 'message', messageId: crypto.randomUUID(), text });
  const lock = async (beside: pg.Client, { conversationId }: ConversationKey) => {
    await beside.query('begin');
    await beside.query('select from conversations where id = $1 for update', [conversationId]);
  };
  /** Statements that the server still works on or waits with, besides the one that asks. */
  const underWay = async (beside: pg.Client) => {
    // A transaction sees the statements of others as they were when it first asked, unless it forgets them.
    await beside.query('select pg_stat_clear_snapshot()');
    const { rows } = await beside.query(
      `select query from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid()`,
    );
    return rows;
  };

  it('fails its own turn in time, and lets those that share the commit go through', async () => {
    const { db, beside } = await open({ answerTimeoutMs: 20_000, lockTimeoutMs: 200 });
    const creatorId = await testCreator(db);
    await publish(db, creatorId);
    const keys = await Promise.all(Array.from({ length: 12 }, () => openTestConversation(db, creatorId)));
    const { mailboxes } = makeRuntime(db);
    await Promise.all(keys.map((key) => mailboxes.deliver(key, message('hello'))));
    const [locked, ...others] = keys as [ConversationKey, ...ConversationKey[]];
    await lock(beside, locked);
    const waiting = message('7:00');
    const [own, ...rest] = await Promise.allSettled([
      mailboxes.deliver(locked, waiting),
      ...others.map((key) => mailboxes.deliver(key, message('7:00'))),
    ]);
    expect(own).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
    expect(rest.map(({ status }) => status)).toEqual(others.map(() => 'fulfilled'));
    expect(await underWay(beside)).toEqual([]);
    await beside.query('commit');
    // Nothing of it was done, and nothing of it is in quarantine.
    expect(await mailboxes.deliver(locked, waiting)).toEqual({ seq: 4 });
  });

  it('holds up no statement longer than it may take, and none goes on where nobody waits for it', async () => {
    const { db, beside } = await open({ answerTimeoutMs: 300, lockTimeoutMs: 20_000 });
    const creatorId = await testCreator(db);
    await publish(db, creatorId);
    const [locked, other] = [await openTestConversation(db, creatorId), await openTestConversation(db, creatorId)];
    const { mailboxes, clock } = makeRuntime(db);
    await mailboxes.deliver(other, message('hello'));
    await lock(beside, locked);
    const waiting = message('hello');
    const refused = expect(mailboxes.deliver(locked, waiting)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect.poll(() => underWay(beside)).toHaveLength(1);
    // The other lane is free meanwhile, once its patience has ended.
    const heard = mailboxes.deliver(other, message('7:00'));
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(20);
    expect(await heard).toEqual({ seq: 4 });
    expect(await underWay(beside)).toHaveLength(1);
    await refused;
    await expect.poll(() => underWay(beside)).toEqual([]);
    await beside.query('commit');
    expect(await mailboxes.deliver(locked, waiting)).toEqual({ seq: 1 });
  });

  it.each([
    ['and its contact', '7:00', 'asleep'],
    ['alone', 'why do you ask?', 'start'],
  ])('and has another place when it is let go is written where it is then: %s', async (_name, words, state) => {
    const { db, beside } = await open({ answerTimeoutMs: 20_000, lockTimeoutMs: 20_000 });
    const creatorId = await testCreator(db);
    await publish(db, creatorId);
    const key = await openTestConversation(db, creatorId);
    const { mailboxes } = makeRuntime(db);
    await mailboxes.deliver(key, message('hello'));
    await beside.query('begin');
    // As what is no turn does: the row moves, its version stays.
    await beside.query('update conversations set wants_push = true where id = $1', [key.conversationId]);
    const heard = mailboxes.deliver(key, message(words));
    await expect.poll(() => underWay(beside)).toHaveLength(1);
    await beside.query('commit');
    expect(await heard).toEqual({ seq: 4 });
    expect(await getConversation(db, key)).toMatchObject({ version: 2, state, seq: 4 });
  });

  it('and its contact after it are waited for in this order by whoever joins two contacts, too', async () => {
    const { db, beside } = await open({ answerTimeoutMs: 20_000, lockTimeoutMs: 20_000 });
    const creatorId = await testCreator(db);
    const keys = [await openTestConversation(db, creatorId), await openTestConversation(db, creatorId)];
    const [from, into] = await Promise.all(keys.map(async (key) => (await getConversation(db, key)).contactId as ContactId));
    // As a turn does: the conversation, and then its contact.
    await lock(beside, keys[0] as ConversationKey);
    const joined = db.tenant(creatorId, (sql) => mergeContacts(sql, creatorId, from as ContactId, into as ContactId, new Date(evening)));
    await expect.poll(() => underWay(beside)).toHaveLength(1);
    await beside.query('select from contacts where id = any ($1) order by id for update', [[from, into]]);
    await beside.query('commit');
    await joined;
    expect((await getConversation(db, keys[0] as ConversationKey)).contactId).toBe(into);
  });

  it('keeps a migration as long as it takes', async () => {
    const { db } = await open({ answerTimeoutMs: 50, lockTimeoutMs: 50 });
    await expect(db.owner((sql) => sql('select pg_sleep(0.2)'))).resolves.toHaveLength(1);
    await expect(db.routing('select pg_sleep(0.2)')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
