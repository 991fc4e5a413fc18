/** How Ollama is called: each call bounded, aborted with our own signal, and tried again when the server was busy. */
import { Ollama } from 'ollama';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Breaker } from './breaker.ts';

/** The client's own abort does nothing before headers arrive, so each call gets a client whose fetch carries its signal. */
export function client(url: string, signal: AbortSignal): Ollama {
  const abortable: typeof fetch = (input, init) =>
    fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, signal]) : signal });
  return new Ollama({ host: url, fetch: abortable });
}

/** Pauses before further tries, in milliseconds: a server that is busy or just starting needs a moment. */
const pausesMs = [150, 450];

/** Tries again when the server was busy or just starting; never after the first piece. @throws what the last try throws · the signal's reason */
export async function retry<T>(clock: Clock, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await call();
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error;
    }
    await pause(clock, pauseMs, signal);
  }
  return call();
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const status = statusOf(error);
  return status === null ? error instanceof TypeError : status === 429 || status >= 500;
}

/** The status that the server has answered with; null when it has not answered. */
export function statusOf(error: Error): number | null {
  const { status_code: status } = error as { status_code?: unknown };
  return typeof status === 'number' ? status : null;
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    function abort(): void {
      cancel();
      reject(signal.reason);
    }
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** What a failed call is told as; counts it with the breaker. */
export function unavailable(cause: unknown, signal: AbortSignal, breaker: Breaker, model: string): unknown {
  if (signal.aborted) return signal.reason;
  breaker.report(false);
  return new AppError('UNAVAILABLE', `Try again shortly: the model "${model}" does not answer`, { cause });
}

/** A signal that fires with the given one, when the last `within` has run out, or at the end: a stream that is left midway goes on otherwise. */
export function createDeadline(clock: Clock, signal: AbortSignal) {
  const late = new AbortController();
  let cancel = () => {};
  return {
    signal: AbortSignal.any([signal, late.signal]),
    within(ms: number): void {
      cancel();
      cancel = clock.after(ms, () => late.abort(new Error(`No answer within ${ms} ms`)));
    },
    end(): void {
      cancel();
      late.abort(new Error('The call has ended'));
    },
  };
}
