/** What the caps of the send governor remember. */
import { expect, it } from 'vitest';
import { recordSend, type Send } from '../../src/actors/governor.ts';

const dayMs = 86_400_000;

it('many sends of one class do not make the cap of another forget', () => {
  let sends: readonly Send[] = recordSend([], 'promo', 0);
  for (let n = 1; n <= 300; n += 1) sends = recordSend(sends, 'nudge', n * (dayMs / 12));
  expect(sends.filter((send) => send.class === 'promo')).toHaveLength(1);
  expect(sends.filter((send) => send.class === 'nudge')).toHaveLength(100);
  expect(recordSend(sends, 'promo', 32 * dayMs).filter((send) => send.class === 'promo')).toEqual([{ class: 'promo', at: 32 * dayMs }]);
});
