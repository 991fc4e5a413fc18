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

function failureOf(error: unknown): Failure {
  return error instanceof Error ? { ...error, message: error.message } : { message: String(error) };
}

const port = parentPort;
if (port === null) throw new Error('Start this module as a worker thread');

/** Sends what can be sent: a value that cannot cross threads must not leave a caller waiting. */
function answer(response: Response): void {
  try {
    port?.postMessage(response);
  } catch (error) {
    port?.postMessage({ id: response.id, failure: { message: failureOf(error).message } });
  }
}

async function answerTo(id: number, work: () => Promise<Ran>): Promise<void> {
  try {
    answer({ id, ran: await work() });
  } catch (error) {
    answer({ id, failure: failureOf(error) });
  }
}

const { dataDir } = workerData as { dataDir: string | null };
const opening = openPgliteSession(dataDir);
let tail = answerTo(0, async () => {
  await opening;
  return { command: 'OPEN', rows: [] };
});

port.on('message', (request: Request) => {
  tail = tail.then(() =>
    answerTo(request.id, async () => {
      const session = await opening;
      if (request.text !== undefined) return session.run(request.text, request.params);
      await session.close();
      port.close();
      return { command: 'CLOSE', rows: [] };
    }),
  );
});
