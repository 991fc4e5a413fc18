import { expect, it } from 'vitest';
import type { CreatorId } from '../../src/ids.ts';
import { createMediaLinks, linkMs } from '../../src/media/links.ts';
import { manualClock } from '../support/clock.ts';

const creator = '018f0000-0000-7000-8000-000000000001' as CreatorId;
const other = '018f0000-0000-7000-8000-000000000002' as CreatorId;

function signed(clock = manualClock(Date.UTC(2026, 10, 21, 8, 7))) {
  const links = createMediaLinks(new Uint8Array(32).fill(1), clock);
  const { searchParams } = new URL(links.path(creator, 'a'), 'http://x');
  return { links, clock, expires: searchParams.get('expires') ?? '', signature: searchParams.get('signature') ?? '' };
}

it('a link holds for its file for at least an hour, then no more', () => {
  const { links, clock, expires, signature } = signed();
  expect(links.holds(creator, 'a', expires, signature)).toBe(true);
  clock.advance(linkMs);
  expect(links.holds(creator, 'a', expires, signature)).toBe(true);
  clock.advance(15 * 60_000);
  expect(links.holds(creator, 'a', expires, signature)).toBe(false);
});

it('a link is the same for a quarter of an hour, so that browsers keep what they fetched', () => {
  const { links, clock } = signed();
  const path = links.path(creator, 'a');
  clock.advance(5 * 60_000);
  expect(links.path(creator, 'a')).toBe(path);
});

it('a changed link does not hold', () => {
  const { links, expires, signature } = signed();
  expect(links.holds(creator, 'b', expires, signature)).toBe(false);
  expect(links.holds(other, 'a', expires, signature)).toBe(false);
  expect(links.holds(creator, 'a', String(Number(expires) + 1), signature)).toBe(false);
  for (const bad of ['', 'x', signature.slice(1), `${signature}AA`, '💥']) expect(links.holds(creator, 'a', expires, bad)).toBe(false);
  for (const bad of ['', '-1', '1e400', '9'.repeat(40)]) expect(links.holds(creator, 'a', bad, signature)).toBe(false);
});
