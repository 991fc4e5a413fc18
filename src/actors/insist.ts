/** Delivers what this node knows and the record does not yet, for as long as the record cannot be reached or too much waits. */
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { ConversationKey, Input, Mailboxes } from './input.ts';

/** How often it is tried, in milliseconds. */
const againMs = 500;

/**
 * Delivers an input, again and again while the record cannot be reached or there is no room for it.
 *
 * @param until wall milliseconds since 1970 after which it is not tried again: then somebody else may have it
 * @throws whatever `deliver` throws, also UNAVAILABLE or OVERLOADED once `signal` has been aborted or it is too late
 */
export async function insist(
  { mailboxes, clock }: { mailboxes: Mailboxes; clock: Clock },
  key: ConversationKey,
  input: Input,
  { signal, until }: { signal: AbortSignal; until: number },
): Promise<void> {
  for (;;) {
    try {
      await mailboxes.deliver(key, input);
      return;
    } catch (error) {
      if (!passes(error) || signal.aborted || clock.wall() + againMs >= until) throw error;
    }
    await pause(clock, signal);
  }
}

/** Whether it will be otherwise by itself: an outage, or a flood that fills the mailboxes. */
export function passes(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'UNAVAILABLE' || error.code === 'OVERLOADED');
}

/** Resolves after a while, or at once when `signal` is aborted. */
function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(againMs, resolve);
  const stop = () => resolve();
  signal.addEventListener('abort', stop);
  return promise.finally(() => {
    cancel();
    signal.removeEventListener('abort', stop);
  });
}
