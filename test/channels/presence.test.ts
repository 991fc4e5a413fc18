/** Whether a person is there, as their sockets come and go. Across processes: test/nodes/presence.test.ts. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ConversationKey } from '../../src/actors/input.ts';
import { createPresence, type Presence } from '../../src/channels/presence.ts';
import { type ConversationId, type CreatorId, systemIds } from '../../src/ids.ts';
import type { Cache } from '../../src/shared/cache.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';

const minute = 60_000;
const newKey = (): ConversationKey => ({ creatorId: systemIds.uuid<CreatorId>(), conversationId: systemIds.uuid<ConversationId>() });

let clock: ManualClock;
let presence: Presence;
let key: ConversationKey;
beforeEach(() => {
  clock = manualClock(Date.UTC(2026, 10, 21));
  presence = createPresence(createMemoryCache(clock));
  key = newKey();
});

describe('a person', () => {
  it('is there for a minute after their socket was heard, in their conversation alone', async () => {
    expect(await presence.isThere(key)).toBe(false);
    presence.heard(key, 'one');
    clock.advance(minute - 1);
    expect(await presence.isThere(key)).toBe(true);
    expect(await presence.isThere(newKey())).toBe(false);
    clock.advance(1);
    expect(await presence.isThere(key)).toBe(false);
  });

  it('is gone at once when their socket closes', async () => {
    presence.heard(key, 'one');
    presence.left(key, 'one');
    await expect.poll(() => presence.isThere(key)).toBe(false);
  });

  it('who came back is still there when the socket they had before is closed, or one that never said hello', async () => {
    presence.heard(key, 'before');
    presence.heard(key, 'now');
    presence.left(key, 'before');
    presence.left(key, 'silent');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await presence.isThere(key)).toBe(true);
  });

  it('is nowhere, and nothing fails, while the shared state cannot be reached', async () => {
    const down = () => Promise.reject(new Error('down'));
    const cache: Pick<Cache, 'get' | 'set' | 'delete'> = { get: down, set: down, delete: down };
    const unknown = createPresence(cache);
    unknown.heard(key, 'one');
    unknown.left(key, 'one');
    expect(await unknown.isThere(key)).toBe(false);
  });
});
