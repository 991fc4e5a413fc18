/** Runs a `send` effect: one message to an outside channel, to its one outcome. */
import type { Deliveries } from '../deliveries.ts';
import type { SendParams } from './conversation.ts';
import type { RunEffect } from './effects.ts';

/** The runner of `send`. How often a message is tried is for the deliveries to say: they know a try from a wait for its turn. */
export function sendRunner(deliveries: Pick<Deliveries, 'send'>): RunEffect {
  return async ({ key, effectId, params }, signal) => {
    const { seq, first = seq } = params as SendParams;
    const delivery = await deliveries.send({ ...key, first, seq, key: effectId }, signal);
    switch (delivery.outcome) {
      case 'wait':
      case 'retry':
        return { outcome: 'retry', afterMs: delivery.afterMs };
      case 'sent':
      case 'held':
        return { outcome: 'done', result: { delivery } };
      default:
        return { outcome: delivery.outcome, result: { delivery } };
    }
  };
}
