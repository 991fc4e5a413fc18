/** The worker thread of `pglite.ts`: runs statements in the order of the messages and answers each by its number. */
import { parentPort, workerData } from 'node:worker_threads';
import { openPgliteSession } from './pglite-session.ts';
import type { Ran } from './session.ts';

/** A statement to run; without text, the end of the session. */
export interface Request {
  id: number;
  text?: string;
  params: readonly unknown[];
}

/** The plain part of an Error, which crosses threads whole. */
export type Failure = { message: string } & Readonly<Record<string, unknown>>;

/** The answer to the request with this number. Number 0 answers the opening itself. */
export type Response = { id: number; ran: Ran } | { id: number; failure: Failure };

/** Keeps the texts of a driver's error (code, constraint, detail, …); the rest may hold functions, which cannot cross threads. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error) };
  const texts = Object.entries(error).filter(([, value]) => typeof value === 'string');
  return { ...Object.fromEntries(texts), message: error.message };
}

const port = parentPort;
if (port === null) throw new Error('Start this module as a worker thread');

async function answer(id: number, work: () => Promise<Ran>): Promise<void> {
  let response: Response;
  try {
    response = { id, ran: await work() };
  } catch (error) {
    response = { id, failure: failureOf(error) };
  }
  port?.postMessage(response);
}

const { dataDir } = workerData as { dataDir: string | null };
const opening = openPgliteSession(dataDir);
let tail = answer(0, async () => {
  await opening;
  return { command: 'OPEN', rows: [] };
});

async function close(): Promise<Ran> {
  await (await opening).close();
  return { command: 'CLOSE', rows: [] };
}

port.on('message', ({ id, text, params }: Request) => {
  tail = tail.then(() => answer(id, text === undefined ? close : async () => (await opening).run(text, params)));
});
