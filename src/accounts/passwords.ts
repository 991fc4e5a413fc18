/** Passwords as Argon2id hashes, computed in a few worker threads. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AppError } from '../errors.ts';

/** The cost of a hash. */
export interface PasswordSettings {
  /** Memory in KiB. */
  memoryKib: number;
  iterations: number;
  parallelism: number;
}

/** OWASP Password Storage Cheat Sheet and ASVS 5.0 appendix C: at least m=47104 KiB, t=1, p=1. */
export const productionPasswordSettings: PasswordSettings = { memoryKib: 47_104, iterations: 1, parallelism: 1 };

/** What the worker is asked. */
export type PasswordTask =
  | { kind: 'choose'; password: string; about: readonly string[]; settings: PasswordSettings }
  | { kind: 'hash'; password: string; settings: PasswordSettings }
  | { kind: 'verify'; password: string; hash: string };
/** What the worker answers: the hash, or whether the password fits; false where one that was chosen is guessed too easily. */
export type PasswordAnswer = { ok: true; value: string | boolean } | { ok: false; reason: string };

/** Hashes and checks passwords. Both wait in one queue. */
export interface Passwords {
  /**
   * The PHC string of a password that somebody chooses.
   *
   * @param about what a guesser knows of the person: mail address, name
   * @throws AppError INVALID_INPUT it is guessed too easily · OVERLOADED too many wait
   */
  choose(password: string, about: readonly string[]): Promise<string>;
  /** The PHC string of a password. @throws AppError OVERLOADED too many wait */
  hash(password: string): Promise<string>;
  /**
   * Whether the password fits the hash. Without a hash it takes as long and is never true, so that time does not tell which accounts exist.
   *
   * @throws AppError OVERLOADED too many wait
   */
  verify(password: string, hash: string | null): Promise<boolean>;
  /** Whether a hash was made with other settings than today's. */
  outdated(hash: string): boolean;
  /** Ends the threads. */
  close(): Promise<void>;
}

/**
 * @param settings smaller ones are for tests
 * @param threads how many hash at the same time; each takes `memoryKib` of memory. One core stays free unless told
 * @param queueMost how many may wait
 */
export function createPasswords({ settings = productionPasswordSettings, threads = spareCores(), queueMost = 64 } = {}): Passwords {
  const run = createPool(threads, queueMost);
  let dummy: Promise<string> | undefined;

  async function hash(password: string): Promise<string> {
    return (await run.run({ kind: 'hash', password, settings })) as string;
  }

  return {
    hash,
    async choose(password, about) {
      const chosen = await run.run({ kind: 'choose', password, about, settings });
      if (typeof chosen !== 'string') throw new AppError('INVALID_INPUT', 'Choose a password that is harder to guess');
      return chosen;
    },
    async verify(password, stored) {
      dummy ??= hash('a password that nobody has').catch((error: unknown) => {
        dummy = undefined;
        throw error;
      });
      const fits = await run.run({ kind: 'verify', password, hash: stored ?? (await dummy) });
      return stored !== null && fits === true;
    },
    outdated: (stored) => !stored.startsWith(`$argon2id$v=19$m=${settings.memoryKib},t=${settings.iterations},p=${settings.parallelism}$`),
    close: run.close,
  };
}

/** All cores but one, and no more than eight: each hash takes 46 MiB. */
function spareCores(): number {
  return Math.min(8, Math.max(1, availableParallelism() - 1));
}

interface Job {
  task: PasswordTask;
  resolve: (value: string | boolean) => void;
  reject: (reason: Error) => void;
}

/** Threads start when first needed and do not keep the process alive while idle. */
function createPool(threads: number, queueMost: number) {
  const idle: Worker[] = [];
  const busy = new Map<Worker, Job>();
  const waiting: Job[] = [];

  function start(): Worker {
    const worker = new Worker(new URL('./password-worker.ts', import.meta.url));
    worker.on('message', (answer: PasswordAnswer) => {
      const job = busy.get(worker);
      busy.delete(worker);
      worker.unref();
      idle.push(worker);
      if (answer.ok) job?.resolve(answer.value);
      else job?.reject(new Error(`Cannot hash: ${answer.reason}`));
      next();
    });
    worker.on('error', (cause: unknown) => {
      busy.get(worker)?.reject(new Error('Cannot hash: the thread failed', { cause }));
      busy.delete(worker);
      next();
    });
    return worker;
  }

  function next(): void {
    if (waiting.length === 0 || busy.size >= threads) return;
    const worker = idle.pop() ?? start();
    const job = waiting.shift();
    if (job === undefined) return;
    busy.set(worker, job);
    worker.ref();
    worker.postMessage(job.task);
  }

  return {
    run(task: PasswordTask): Promise<string | boolean> {
      if (waiting.length >= queueMost) {
        const details = { retry_after_ms: 2_000 };
        return Promise.reject(new AppError('OVERLOADED', 'Try again shortly: too many sign-ins at once', { details }));
      }
      const { promise, resolve, reject } = Promise.withResolvers<string | boolean>();
      waiting.push({ task, resolve, reject });
      next();
      return promise;
    },
    async close(): Promise<void> {
      await Promise.all([...idle, ...busy.keys()].map((worker) => worker.terminate()));
    },
  };
}
