/** Runs a `push` effect: tells the person's browsers that a message waits. */
import type { Push } from '../push.ts';
import type { PushParams } from './conversation.ts';
import type { RunEffect } from './effects.ts';

/** The runner of `push`. */
export function pushRunner(push: Push): RunEffect {
  return async ({ key, params, attempts }, signal) => {
    const { seq } = params as PushParams;
    const told = await push.tell({ ...key, seq, attempts }, signal);
    if (told.outcome === 'retry') return told;
    return { outcome: told.outcome === 'failed' ? 'failed' : 'done', result: { push: told.outcome } };
  };
}
