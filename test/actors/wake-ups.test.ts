/** Wake-ups: what one node has armed or planned and cannot run any more, another runs in time. In memory, and over Redis where TEST_REDIS_URL names one. */
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import type { Answers } from '../../src/answers.ts';
import type { ConversationNews } from '../../src/message.ts';
import { conversationTopic, type FanOut, wakeUpsTopic } from '../../src/shared/fan-out.ts';
import { createMemoryFanOut } from '../../src/shared/memory.ts';
import { openRedisFanOut } from '../../src/shared/redis.ts';
import { messagesAfter } from '../../src/store/conversations.ts';
import { type ClaimedEffect, claimEffects, postponeEffect } from '../../src/store/turns.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { answerOf, evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';
import { silentLog } from '../support/silent-log.ts';
import { soon } from '../support/soon.ts';

const db = await testDatabase();
const creatorId = await testCreator(db);
await publish(db, creatorId, {
  meta: { id: 'waiting', specVersion: 1, title: 'Waiting', languages: ['en'], zone: 'UTC', channels: ['widget'] },
  entry: [{ id: 'begin', on: 'api', reentry: 'never' }],
  content: { later: { en: { text: 'Later has come' } } },
  delays: { soon: { for: 'PT3S' }, never: { for: 'P1D' } },
  machine: {
    id: 'waiting',
    initial: 'before',
    states: {
      before: {
        on: { MESSAGE: [{ guard: { type: 'when', params: { expr: "event.text.endsWith('?')" } }, target: 'asking' }] },
        after: { soon: 'later' },
      },
      asking: { invoke: { src: 'answer', onDone: 'before', onError: 'before' }, after: { never: 'before' } },
      later: { entry: [{ type: 'say', params: { content: 'later', class: 'transactional' } }], after: { never: 'before' } },
    },
  },
  policies: { unmatched: 'ignore' },
});

const redisUrl = process.env.TEST_REDIS_URL;
const overRedis = (url: string) => openRedisFanOut({ url, log: silentLog, nodeId: randomUUID(), onError: () => undefined });
const fanOuts: [string, () => Promise<readonly [FanOut, FanOut]>][] = [
  [
    'in memory',
    async () => {
      const one = createMemoryFanOut(() => undefined);
      return [one, one];
    },
  ],
];
if (redisUrl !== undefined) fanOuts.push(['over Redis', async () => [await overRedis(redisUrl), await overRedis(redisUrl)]]);

const begin: Input = { id: 'start:waiting', kind: 'start', programSlug: 'waiting' };
const message = (text: string): Input => ({ id: `msg:${text}`, kind: 'message', messageId: randomUUID(), text });
const texts = async (key: ConversationKey) => (await messagesAfter(db, key, 0, 100)).map(({ body }) => body.text);

describe.each(fanOuts)('two nodes with a fan-out %s', (_, open) => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  /** One that takes inputs and runs nothing, as if it died after each, and one that works. */
  async function twoNodes(script?: Answers['answer']) {
    const clock = manualClock(evening);
    const [here, there] = await open();
    const dying = makeRuntime(db, { clock, fanOut: here });
    const working = makeRuntime(db, { clock, fanOut: there, ...(script ? { script } : {}) });
    const heard: unknown[] = [];
    await working.wakeUps.start();
    await there.subscribe(wakeUpsTopic, (news) => heard.push(news));
    working.timers.start();
    working.effects.start();
    ends.push(() => working.stop(), here.close, there.close);
    /** Turns the clock far enough for a wake-up to be sent, and waits until it has come. */
    const told = async (times: number) => {
      clock.advance(100);
      await soon(() => expect(heard).toHaveLength(times));
    };
    /** What the sockets of a conversation hear of its answers. */
    const watch = async ({ creatorId: creator, conversationId }: ConversationKey) => {
      const shown: unknown[] = [];
      await there.subscribe(conversationTopic(creator, conversationId), (news) => {
        if (['delta', 'typing'].includes((news as ConversationNews).type)) shown.push(news);
      });
      return shown;
    };
    return { clock, dying, working, heard, told, watch };
  }

  it('fire a timer that a node has armed and left behind, a quarter of a second after it was due', async () => {
    const { clock, dying, told } = await twoNodes();
    const key = await openTestConversation(db, creatorId);
    await dying.mailboxes.deliver(key, begin);
    await told(1);
    clock.advance(2_900 + 250);
    await soon(async () => expect(await texts(key)).toContain('Later has come'));
  });

  it('run an effect that a node has planned and left behind', async () => {
    const { clock, dying, working, told } = await twoNodes();
    const key = await openTestConversation(db, creatorId);
    await dying.mailboxes.deliver(key, begin);
    await dying.mailboxes.deliver(key, message('Is that so?'));
    await told(1);
    clock.advance(250);
    await soon(() => expect(working.asked).toHaveLength(1));
  });

  it('stop an answer that the other has called off, and what was shown of it goes', async () => {
    const stopped = Promise.withResolvers<void>();
    const { clock, dying, working, told, watch } = await twoNodes((_request, signal, onDelta) => {
      onDelta('Half an');
      const stop = () => {
        onDelta(' answer');
        stopped.resolve();
      };
      return new Promise((_, reject) => {
        signal.addEventListener('abort', stop);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    });
    const key = await openTestConversation(db, creatorId);
    await dying.mailboxes.deliver(key, begin);
    const shown = await watch(key);
    await dying.mailboxes.deliver(key, message('Is that so?'));
    await told(1);
    clock.advance(250);
    await soon(() => expect(working.asked).toHaveLength(1));
    await soon(() => expect(shown).toMatchObject([{ on: true }, { text: 'Half an' }]));
    await dying.mailboxes.deliver(key, { id: 'c:1', kind: 'control', act: 'takeover' });
    await stopped.promise;
    const withdrawn = [{ text: '', anew: true }, { on: false }];
    await soon(() => expect(shown.slice(2)).toMatchObject([...withdrawn, ...withdrawn]));
  });

  it('withdraw what a node has shown of an answer before it died', async () => {
    const { clock, dying, working, watch } = await twoNodes(async (_request, _signal, onDelta) => {
      onDelta('Nine');
      return answerOf('Nine hours.');
    });
    const key = await openTestConversation(db, creatorId);
    await dying.mailboxes.deliver(key, begin);
    await working.effects.stop();
    await dying.mailboxes.deliver(key, message('Is that so?'));
    await claimEffects(db, { wall: clock.wall(), holdMs: 30_000, most: 10, rested: [] });
    const shown = await watch(key);
    clock.advance(31_000);
    working.effects.start();
    await soon(async () => expect(await texts(key)).toContain('Nine hours.'));
    expect(shown).toMatchObject([{ text: '', anew: true }, { on: true }, { text: 'Nine', after: 0 }, { on: false }]);
  });

  it('take up at once what one that stops has given back', async () => {
    const { clock, dying, working, told } = await twoNodes();
    const key = await openTestConversation(db, creatorId);
    await dying.mailboxes.deliver(key, begin);
    await dying.mailboxes.deliver(key, message('Is that so?'));
    const [claimed] = await claimEffects(db, { wall: clock.wall(), holdMs: 30_000, most: 1, rested: [] });
    await told(1);
    clock.advance(250);
    await postponeEffect(db, claimed as ClaimedEffect, 1, clock.wall());
    dying.wakeUps.leave();
    await told(2);
    clock.advance(250);
    await soon(() => expect(working.asked).toHaveLength(1));
  });

  it('tell each other of many turns in one moment once', async () => {
    const { dying, heard, told } = await twoNodes();
    const keys = await Promise.all(Array.from({ length: 20 }, () => openTestConversation(db, creatorId)));
    await Promise.all(keys.map((key) => dying.mailboxes.deliver(key, begin)));
    await told(1);
    expect(Object.keys(heard[0] as object).sort()).toEqual(['from', 'timers']);
  });

  it('say nothing of what falls due after everybody looks again', async () => {
    const { clock, dying, heard, told } = await twoNodes();
    const key = await openTestConversation(db, creatorId);
    await dying.mailboxes.deliver(key, begin);
    await told(1);
    clock.advance(3_150);
    await soon(async () => expect(await texts(key)).toContain('Later has come'));
    clock.advance(1_000);
    expect(heard).toHaveLength(1);
  });
});
