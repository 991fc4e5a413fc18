import { describe, expect, it } from 'vitest';
import { createAdmission } from '../../src/actors/admission.ts';
import { createBatcher } from '../../src/actors/batcher.ts';
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import { retryInput } from '../../src/actors/retry.ts';
import type { Database } from '../../src/database.ts';
import type { CreatorId } from '../../src/ids.ts';
import type { Definition } from '../../src/programs/definition.ts';
import { getConversation, listTurns, messagesAfter } from '../../src/store/conversations.ts';
import { takeUp } from '../../src/store/turns.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { makeDefinition, sleepReset } from '../support/example.ts';
import { makeRuntime, openTestConversation, publish } from '../support/runtime.ts';

const db = await testDatabase();
const creatorId = await testCreator(db);
await publish(db, creatorId);

const message = (id: string, text = id): Input => ({ id: `msg:${id}`, kind: 'message', messageId: crypto.randomUUID(), text });
const texts = async (key: ConversationKey) => (await messagesAfter(db, key, 0, 1000)).map((said) => said.body.text);

/** A database that cannot write a turn with this word in it. */
function refusing(word: string): Database & { refused: number } {
  const wrapped = {
    ...db,
    refused: 0,
    routing: async (text: string, params?: readonly unknown[]) => {
      if (
        text.includes('commit_turns') &&
        String(params?.[0]).includes(`"kind":"message","payload":`) &&
        String(params?.[0]).includes(word)
      ) {
        if (!String(params?.[0]).includes('quarantined')) {
          wrapped.refused += 1;
          throw new Error('cannot write this');
        }
      }
      return db.routing(text, params);
    },
  };
  return wrapped as never;
}

describe('an input that cannot be committed', () => {
  it('is put in quarantine after three tries, with its words on record, and the others of its turn go through', async () => {
    const key = await openTestConversation(db, creatorId);
    const poisoned = refusing('poison');
    const { mailboxes } = makeRuntime(poisoned);
    await mailboxes.deliver(key, message('hello'));
    const results = await Promise.all(['a', 'poison', 'b'].map((text) => mailboxes.deliver(key, message(text))));
    expect(results.map(({ seq }) => typeof seq)).toEqual(['number', 'number', 'number']);
    expect((await texts(key)).filter((text) => ['a', 'poison', 'b'].includes(text))).toEqual(['a', 'poison', 'b']);
    const turns = await listTurns(db, key, Number.MAX_SAFE_INTEGER, 100);
    expect(turns.find((turn) => turn.inputId === 'msg:poison')?.trace).toMatchObject({ as: 'quarantined', error: 'not committed' });
    expect(poisoned.refused).toBeGreaterThanOrEqual(3);
  });
});

describe('a program that fails', () => {
  const failing = makeDefinition({
    meta: { ...sleepReset.meta, id: 'failing' },
    entry: [{ id: 'boom', keywords: ['begin'] }],
    machine: {
      ...sleepReset.machine,
      on: { 'EVENT.boom': { actions: [{ type: 'setField', params: { zone: '"Nowhere/Atlantis"' } }] } },
    } as Definition['machine'],
  });

  it('is paused after five failures in ten minutes, not after four', async () => {
    const creator = await testCreator(db);
    await publish(db, creator, failing);
    const key = await openTestConversation(db, creator);
    const { mailboxes } = makeRuntime(db);
    await mailboxes.deliver(key, message('begin'));
    const boom = (n: number) => mailboxes.deliver(key, { id: `e:${n}`, kind: 'event', name: 'boom', data: {} });
    for (let n = 1; n <= 4; n += 1) await boom(n);
    expect((await getConversation(db, key)).control).toBe('bot');
    await boom(5);
    const paused = await getConversation(db, key);
    expect(paused).toMatchObject({ control: 'paused', state: 'start', status: 'active' });
    await mailboxes.deliver(key, { id: 'c:1', kind: 'control', act: 'resume' });
    expect((await getConversation(db, key)).control).toBe('bot');
    // Somebody has looked at it: what failed before counts no more.
    for (let n = 6; n <= 9; n += 1) await boom(n);
    expect((await getConversation(db, key)).control).toBe('bot');
    await boom(10);
    expect((await getConversation(db, key)).control).toBe('paused');
  });
});

describe('retryInput()', () => {
  it('gives the program an input from quarantine again, once, without a second bubble', async () => {
    const key = await openTestConversation(db, creatorId);
    await makeRuntime(refusing('poison')).mailboxes.deliver(key, message('poison'));
    expect((await getConversation(db, key)).status).toBe('open');
    const { mailboxes } = makeRuntime(db);
    for (let times = 0; times < 2; times += 1) await retryInput({ db, mailboxes }, key, 'msg:poison', 'first');
    expect(await getConversation(db, key)).toMatchObject({ status: 'active', state: 'start' });
    expect((await texts(key)).filter((text) => text === 'poison')).toHaveLength(1);
    expect((await texts(key)).filter((text) => text.startsWith('Welcome'))).toHaveLength(1);
    for (const id of ['msg:other', 'msg:poison']) {
      await expect(retryInput({ db, mailboxes }, key, id, 'second')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect((await texts(key)).filter((text) => text.startsWith('Welcome'))).toHaveLength(1);
  });
});

describe('a conversation that cannot be read', () => {
  it.each([
    ['no JSON', '{{{'],
    ['another format', JSON.stringify({ format: 99 })],
    ['a part missing', JSON.stringify({ format: 1, control: 'bot' })],
    ['none, though a program runs', null],
  ])('%s: is set aside with its data kept; others go on', async (_name, damaged) => {
    const [key, other] = [await openTestConversation(db, creatorId), await openTestConversation(db, creatorId)];
    const { mailboxes } = makeRuntime(db, { hotConversations: 0 });
    await mailboxes.deliver(key, message('hello'));
    await db.tenant(creatorId, (sql) => sql('update conversations set snapshot = $2 where id = $1', [key.conversationId, damaged]));
    await expect(mailboxes.deliver(key, message('again'))).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(mailboxes.deliver(key, message('again'))).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await getConversation(db, key)).toMatchObject({ status: 'set-aside', snapshot: damaged });
    expect(await mailboxes.deliver(other, message('hello'))).toEqual({ seq: 1 });
    // Mended and taken up, it goes on where it was.
    const { snapshot } = await getConversation(db, other);
    await db.tenant(creatorId, (sql) => sql('update conversations set snapshot = $2 where id = $1', [key.conversationId, snapshot]));
    expect([await takeUp(db, key), await takeUp(db, key)]).toEqual([true, false]);
    expect(await mailboxes.deliver(key, message('7:00'))).toEqual({ seq: 4 });
  });

  it('once mended has ended if it had, so that its program may be entered again', async () => {
    const key = await openTestConversation(db, creatorId);
    const { mailboxes } = makeRuntime(db, { hotConversations: 0 });
    await mailboxes.deliver(key, message('hello'));
    await mailboxes.deliver(key, { id: 'c:end', kind: 'control', act: 'end' });
    const { snapshot } = await getConversation(db, key);
    const put = (stored: string | null) =>
      db.tenant(creatorId, (sql) => sql('update conversations set snapshot = $2 where id = $1', [key.conversationId, stored]));
    await put('{{{');
    for (let n = 0; n < 2; n += 1) await expect(mailboxes.deliver(key, message('sleep'))).rejects.toMatchObject({ code: 'CONFLICT' });
    await put(snapshot);
    await takeUp(db, key);
    expect(await getConversation(db, key)).toMatchObject({ status: 'ended' });
    await mailboxes.deliver(key, message('sleep'));
    expect(await getConversation(db, key)).toMatchObject({ status: 'active', state: 'start' });
  });
});

describe('admission', () => {
  const [a, b] = ['a', 'b'] as CreatorId[] as [CreatorId, CreatorId];

  it.each([
    ['conversation', { conversation: 2, creator: 9, process: 9 }, [[a, 2]]],
    ['creator', { conversation: 9, creator: 2, process: 9 }, [[a, 0]]],
    ['process', { conversation: 9, creator: 2, process: 2 }, [[b, 0]]],
  ] as const)('refuses by %s with a hint when to come back, and lets in again', (scope, caps, [[creator, inConversation]]) => {
    const admission = createAdmission(caps);
    const leave = [admission.enter(a, 0), admission.enter(a, 1)];
    expect(() => admission.enter(creator, inConversation)).toThrow(
      expect.objectContaining({ code: 'OVERLOADED', details: { scope, retry_after_ms: 1000 } }),
    );
    for (const free of leave) free();
    expect(() => admission.enter(creator, 0)).not.toThrow();
  });
});

describe('createBatcher()', () => {
  it('takes from all shares in turn, so that a flood lengthens its own wait only', async () => {
    const batches: string[][] = [];
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const batch = createBatcher<string, string>(
      async (requests) => {
        batches.push([...requests]);
        await gate;
        return requests;
      },
      { most: 4, few: 0, lanes: 1, clock: manualClock(0), shareOf: (request) => request[0] ?? '' },
    );
    const answers = ['a0', ...Array.from({ length: 9 }, (_, index) => `a${index + 1}`), 'b1', 'c1'].map(batch);
    await Promise.resolve();
    open();
    await Promise.all(answers);
    expect(batches[0]).toEqual(['a0', 'b1', 'c1', 'a1']);
    expect(batches.flat().sort()).toEqual([...new Set(batches.flat())].sort());
  });

  it('answers each alone when the batch fails, and fails only the one that cannot be answered', async () => {
    const batch = createBatcher<number, number>(
      async (requests) => {
        if (requests.includes(13)) throw new Error('unlucky');
        return requests.map((request) => request * 2);
      },
      { most: 8, few: 0, lanes: 1, clock: manualClock(0), shareOf: () => '' },
    );
    const answers = await Promise.allSettled([1, 13, 2].map(batch));
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : 'failed'))).toEqual([2, 'failed', 4]);
  });
});
