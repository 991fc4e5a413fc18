/** The worker thread that hashes passwords, so that the event loop of the server does not stand still for it. */
import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { argon2id, argon2Verify } from 'hash-wasm';
import type { PasswordAnswer, PasswordTask } from './passwords.ts';

/** How far below everything else of the server: a sign-in may wait for a conversation, never the other way round. */
const niceness = 5;

// On Linux the priority is the thread's own (setpriority(2), notes); elsewhere it would be that of the whole process.
if (process.platform === 'linux') {
  try {
    setPriority(getPriority() + niceness);
  } catch {
    // not allowed here: hashing competes as everything else does
  }
}

parentPort?.on('message', async (task: PasswordTask) => {
  parentPort?.postMessage(await run(task));
});

/** The lists are large: read when somebody chooses a password, not at the start. */
async function isGuessable(password: string, about: readonly string[]): Promise<boolean> {
  return (await import('./guessing.ts')).isGuessable(password, about);
}

async function run(task: PasswordTask): Promise<PasswordAnswer> {
  try {
    if (task.kind === 'verify') return { ok: true, value: await argon2Verify({ password: task.password, hash: task.hash }) };
    if (task.kind === 'choose' && (await isGuessable(task.password, task.about))) return { ok: true, value: false };
    const { memoryKib: memorySize, iterations, parallelism } = task.settings;
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const hash = await argon2id({
      password: task.password,
      salt,
      memorySize,
      iterations,
      parallelism,
      hashLength: 32,
      outputType: 'encoded',
    });
    return { ok: true, value: hash };
  } catch (error) {
    return { ok: false, reason: String(error) };
  }
}
