/** The warm tier: what a node leaves behind spares the next one the record, and can mislead nobody. */
import { describe, expect, it, vi } from 'vitest';
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import { createWarmTier } from '../../src/actors/warm.ts';
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';
import type { Cache } from '../../src/shared/cache.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { messagesAfter } from '../../src/store/conversations.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';
import { silentLog } from '../support/silent-log.ts';
import { soon } from '../support/soon.ts';

const db = await testDatabase();
const creatorId = await testCreator(db);
await publish(db, creatorId);

const message = (text: string): Input => ({ id: `msg:${text}`, kind: 'message', messageId: crypto.randomUUID(), text });

/** Two nodes that share a cache, and how often the record was asked for a conversation. */
function twoNodes(cacheOf: (cache: Cache) => Cache = (cache) => cache) {
  const clock = manualClock(evening);
  const cache = createMemoryCache(clock);
  const asked = { times: 0 };
  const counted: Database = {
    ...db,
    routing: (text, params) => {
      if (text.includes('hydrate_conversations')) asked.times += 1;
      return db.routing(text, params);
    },
  };
  const node = () =>
    makeRuntime(counted, { clock, hotConversations: 0, warm: createWarmTier({ cache: cacheOf(cache), clock, log: silentLog }) });
  return { clock, cache, asked, nodes: [node(), node()] as const };
}

const nameOf = (key: ConversationKey) => `snapshot:creator_${key.creatorId}:${key.conversationId}`;
const texts = async (key: ConversationKey) => (await messagesAfter(db, key, 0, 100)).map(({ body }) => body.text);

/** Lets what was written behind arrive. */
async function written(clock: { advance(ms: number): void }, cache: Cache, key: ConversationKey): Promise<string> {
  clock.advance(1_000);
  return soon(async () => {
    const text = await cache.get(nameOf(key));
    expect(text).not.toBeNull();
    return text as string;
  });
}

describe('the warm tier', () => {
  it('and memory hold nothing of conversations whose end was told', async () => {
    const clock = manualClock(evening);
    const warm = { find: vi.fn(async () => null), keep: vi.fn(), drop: vi.fn() };
    const node = makeRuntime(db, { clock, warm, hotConversations: 100 });
    const [gone, other] = [await openTestConversation(db, creatorId), await openTestConversation(db, creatorId)];
    for (const key of [gone, other]) await node.mailboxes.deliver(key, message('hello'));
    node.hearSessions({ creator_id: creatorId, conversation_ids: [gone.conversationId] });
    expect(warm.drop.mock.calls).toEqual([[gone]]);
    warm.find.mockClear();
    for (const key of [gone, other]) await node.mailboxes.deliver(key, message('again'));
    expect(warm.find.mock.calls).toEqual([[gone]]);
    for (const news of ['no news', {}, null, { creator_id: crypto.randomUUID(), all: true }]) node.hearSessions(news);
    expect(warm.drop.mock.calls).toHaveLength(1);
    node.hearSessions({ creator_id: creatorId, all: true });
    expect(warm.drop.mock.calls).toHaveLength(3);
  });

  it('gives the next node the conversation without asking the record', async () => {
    const { clock, cache, asked, nodes } = twoNodes();
    const key = await openTestConversation(db, creatorId);
    await nodes[0].mailboxes.deliver(key, message('hello'));
    await written(clock, cache, key);
    expect(asked.times).toBe(1);
    await nodes[1].mailboxes.deliver(key, message('7:00'));
    expect(asked.times).toBe(1);
    expect(await texts(key)).toHaveLength(4);
  });

  it('that is old costs one more try and nothing else', async () => {
    const { clock, cache, asked, nodes } = twoNodes();
    const key = await openTestConversation(db, creatorId);
    await nodes[0].mailboxes.deliver(key, message('hello'));
    const old = await written(clock, cache, key);
    await nodes[0].mailboxes.deliver(key, message('7:00'));
    await cache.set(nameOf(key), old, 60_000);
    await nodes[1].mailboxes.deliver(key, message('thanks'));
    expect(asked.times).toBe(2);
    expect((await texts(key)).filter((text) => text === 'thanks')).toHaveLength(1);
  });

  it.each([
    ['no JSON', '{"conversation":'],
    ['nothing we know', '{}'],
    ['a damaged snapshot', '{"conversation":{"snapshot":"{"},"contact":{}}'],
  ])('that holds %s is passed over', async (_, damaged) => {
    const { cache, asked, nodes } = twoNodes();
    const key = await openTestConversation(db, creatorId);
    await cache.set(nameOf(key), damaged, 60_000);
    await nodes[0].mailboxes.deliver(key, message('hello'));
    expect(asked.times).toBe(1);
    expect(await texts(key)).toHaveLength(3);
  });

  it('gives nobody the conversation of somebody else', async () => {
    const { clock, cache, nodes } = twoNodes();
    const [mine, theirs] = [await openTestConversation(db, creatorId), await openTestConversation(db, creatorId)];
    await nodes[0].mailboxes.deliver(mine, message('hello'));
    await cache.set(nameOf(theirs), await written(clock, cache, mine), 60_000);
    await nodes[1].mailboxes.deliver(theirs, message('hello'));
    expect([await texts(mine), await texts(theirs)].map((said) => said.length)).toEqual([3, 3]);
  });

  it('that cannot be reached is left alone for a while', async () => {
    const tries = { times: 0 };
    const { nodes } = twoNodes((cache) => ({
      ...cache,
      get: async () => {
        tries.times += 1;
        throw new AppError('UNAVAILABLE', 'gone');
      },
    }));
    const key = await openTestConversation(db, creatorId);
    for (const text of ['hello', '7:00', 'thanks']) await nodes[0].mailboxes.deliver(key, message(text));
    expect(tries.times).toBe(1);
  });
});
