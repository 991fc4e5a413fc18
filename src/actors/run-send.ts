/** Runs a `send` effect: one message to an outside channel, to its one outcome. */
import type { Deliveries } from '../deliveries.ts';
import type { SendParams } from './conversation.ts';
import type { RunEffect } from './effects.ts';

/** After this many tries a message counts as failed: about a day, by the waits that channels ask for. */
const mostTries = 12;

/** The runner of `send`. */
export function sendRunner(deliveries: Deliveries): RunEffect {
  return async ({ key, effectId, params, attempts }, signal) => {
    const { seq, first = seq } = params as SendParams;
    const delivery = await deliveries.send({ ...key, first, seq, key: effectId, attempts }, signal);
    switch (delivery.outcome) {
      case 'retry':
        if (attempts < mostTries) return { outcome: 'retry', afterMs: delivery.afterMs };
        return { outcome: 'failed', result: { delivery: { outcome: 'failed', reason: delivery.reason } } };
      case 'sent':
      case 'held':
        return { outcome: 'done', result: { delivery } };
      default:
        return { outcome: delivery.outcome, result: { delivery } };
    }
  };
}
