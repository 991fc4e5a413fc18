/** The hot tier: what is in use stays in memory, what sleeps leaves nothing behind. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Conversation } from '../../src/actors/conversation.ts';
import { createHotTier, type HotTier, restMs } from '../../src/actors/hot.ts';
import type { Input } from '../../src/actors/input.ts';
import type { Database } from '../../src/database.ts';
import type { ConversationId, CreatorId } from '../../src/ids.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';

const keyOf = (id: string, creator = 'one') => ({ creatorId: creator as CreatorId, conversationId: id as ConversationId });
const conversation = (id: string, version = 1) => ({ id, creatorId: 'one', version }) as unknown as Conversation;
const kept = (hot: HotTier) => [...hot.values()].map(({ id }) => id).sort();

describe('the hot tier', () => {
  let clock: ManualClock;
  let hot: HotTier;
  beforeEach(() => {
    clock = manualClock(evening);
    hot = createHotTier(clock, 3);
  });

  it('gives the last that was kept of a conversation, to its creator alone', () => {
    hot.keep(conversation('a', 1));
    hot.keep(conversation('a', 2));
    expect(hot.get(keyOf('a'))?.version).toBe(2);
    expect(hot.get(keyOf('a', 'other'))).toBeUndefined();
    hot.drop('a' as ConversationId);
    expect(hot.get(keyOf('a'))).toBeUndefined();
  });

  it('lets those go that were kept longest ago when there are too many', () => {
    for (const id of ['a', 'b']) hot.keep(conversation(id));
    clock.advance(restMs);
    for (const id of ['c', 'a', 'd']) hot.keep(conversation(id));
    expect(kept(hot)).toEqual(['a', 'c', 'd']);
    hot.keep(conversation('e'));
    expect(kept(hot)).toEqual(['a', 'd', 'e']);
  });

  it('keeps what is in use for ever, and nothing of what has slept for two minutes', () => {
    hot.keep(conversation('asleep'));
    for (let minute = 0; minute < 3; minute += 1) {
      hot.keep(conversation('awake', minute));
      clock.advance(restMs);
    }
    expect(kept(hot)).toEqual(['awake']);
    clock.advance(2 * restMs);
    expect(kept(hot)).toEqual([]);
  });

  it('does not tick while it is empty, and ticks once however often it fills', () => {
    const after = vi.spyOn(clock, 'after');
    for (let n = 0; n < 3; n += 1) {
      hot.keep(conversation('a'));
      hot.drop('a' as ConversationId);
    }
    expect(after).toHaveBeenCalledTimes(1);
    clock.advance(10 * restMs);
    expect(after).toHaveBeenCalledTimes(1);
  });

  it('keeps nothing where nothing is to be kept', () => {
    const none = createHotTier(clock, 0);
    none.keep(conversation('a'));
    expect(kept(none)).toEqual([]);
  });
});

describe('a conversation', () => {
  it('is in memory while people talk in it, and on record only when they have not for two minutes, or when time alone has stirred it', async () => {
    const database = await testDatabase();
    const creatorId = await testCreator(database);
    await publish(database, creatorId);
    const clock = manualClock(evening);
    let loads = 0;
    const counted: Database = {
      ...database,
      routing: (text, params) => {
        if (text.includes('hydrate_conversations')) loads += 1;
        return database.routing(text, params);
      },
    };
    const { mailboxes } = makeRuntime(counted, { clock, hotConversations: 100 });
    const key = await openTestConversation(database, creatorId);
    const loadsOf = async (input: Input) => {
      loads = 0;
      await mailboxes.deliver(key, input);
      return loads;
    };
    const say = (text: string) => loadsOf({ id: `msg:${text}`, kind: 'message', messageId: crypto.randomUUID(), text });
    expect([await say('one'), await say('two')]).toEqual([1, 0]);
    clock.advance(restMs);
    expect(await say('three')).toBe(0);
    clock.advance(2 * restMs);
    const timer = (n: number): Input => ({ id: `timer:x:${n}`, kind: 'timer', timerId: 'x', generation: n, dueAt: evening });
    expect([await loadsOf(timer(1)), await loadsOf(timer(2)), await say('four'), await say('five')]).toEqual([1, 1, 1, 0]);
  });
});
