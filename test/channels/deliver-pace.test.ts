/** The pace of sending: shared by nodes, spread over the windows to come, and no reason to stop. */
import { describe, expect, it } from 'vitest';
import type { Capabilities } from '../../src/channels/channel.ts';
import { createPace } from '../../src/channels/deliver-pace.ts';
import type { CreatorId } from '../../src/ids.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { manualClock } from '../support/clock.ts';
import { quietLog } from '../support/quiet-log.ts';

const capabilities = { perSecond: 4, perPerson: { burst: 2, everyMs: 6_000 } } as Capabilities;
const connection = { creatorId: 'c' as CreatorId, id: 'n' };

function nodes(count: number) {
  const clock = manualClock(0);
  const cache = createMemoryCache(clock);
  return { clock, cache, paces: Array.from({ length: count }, () => createPace({ cache, log: quietLog })) };
}

describe('two nodes', () => {
  it('together send a person no more than the burst in its window', async () => {
    const { clock, paces } = nodes(2);
    const [here = fail, there = fail] = paces;
    expect([await here(connection, 'ana', capabilities), await there(connection, 'ana', capabilities)]).toEqual([0, 0]);
    expect(await there(connection, 'ana', capabilities)).toBe(12_000);
    expect(await here(connection, 'ben', capabilities)).toBe(0);
    clock.advance(12_000);
    expect(await there(connection, 'ana', capabilities)).toBe(0);
  });

  it('together send over an account what it takes in a second, and spread the rest over the seconds to come', async () => {
    const { paces } = nodes(2);
    const waits: number[] = [];
    for (let person = 0; person < 12; person += 1) waits.push((await paces[person % 2]?.(connection, `p${person}`, capabilities)) ?? -1);
    expect(waits).toEqual([0, 0, 0, 0, 1_000, 1_000, 1_000, 1_000, 2_000, 2_000, 2_000, 2_000]);
  });
});

it('keeps phone numbers out of the cache', async () => {
  const { cache, paces } = nodes(1);
  await paces[0]?.(connection, '351911000111', capabilities);
  expect(JSON.stringify(await cache.keys(''))).not.toContain('351911000111');
});

it('lets a message go where nobody counts', async () => {
  const takeTurn = createPace({ cache: { count: () => Promise.reject(new Error('down')) }, log: quietLog });
  expect(await takeTurn(connection, 'ana', capabilities)).toBe(0);
});

function fail(): never {
  throw new Error('No such node');
}
