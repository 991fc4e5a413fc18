/** Puts single requests that wait at the same moment into one: group commit and group hydration. */
import type { Clock } from '../clock.ts';
import { mayBeDone, wasLocked } from '../store/sql-state.ts';

/** How long what waits behind a batch that takes its time goes without another lane, in milliseconds. */
const patienceMs = 20;

/**
 * A function that answers one request, while `run` answers many at once. Whatever arrives while a batch is under way waits for the
 * next one, so batches grow with the load and a lone request waits for nobody. Each batch has a price of its own: another lane
 * is used only when more than a few wait, or when the batch before them is slow. A batch takes from all shares in turn: one creator's
 * flood lengthens the creator's own wait, not its neighbour's.
 *
 * @param run answers requests in the order given; when it rejects, each request of the batch is tried once alone, so that one
 * that cannot be answered, or waits for a lock, does not fail the others. UNAVAILABLE is nobody's fault otherwise and rejects them all at once
 * @param options `most` requests a batch, `lanes` batches at a time, `few` requests wait for one lane, `shareOf` names whose a request is
 */
export function createBatcher<Request, Answer>(
  run: (requests: readonly Request[]) => Promise<readonly Answer[]>,
  options: { most: number; few: number; lanes: number; clock: Clock; shareOf: (request: Request) => string },
): (request: Request) => Promise<Answer> {
  interface Waiting {
    request: Request;
    resolve: (answer: Answer) => void;
    reject: (error: unknown) => void;
  }
  // Not a Map: one that is deleted from all the time is made anew as often, and keeps alive what it held.
  const shares: Record<string, Waiting[]> = Object.create(null);
  /** The shares that have something waiting, in the order of their turns. */
  let line: string[] = [];
  let waits = 0;
  let busy = 0;
  let patient = false;

  /** One request of each share in turn, until the batch is full or nobody waits. The next batch begins with those this one did not reach. */
  function nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    while (batch.length < options.most && line.length > 0) {
      const round = line.slice(0, options.most - batch.length);
      line = line.slice(round.length);
      for (const share of round) {
        const waiting = shares[share] as Waiting[];
        batch.push(waiting.shift() as Waiting);
        if (waiting.length > 0) line.push(share);
        else delete shares[share];
      }
    }
    waits -= batch.length;
    return batch;
  }

  /** Whether what waits is worth a lane beside `others` that are busy. */
  const isWorth = (others: number) => waits > (others === 0 ? 0 : options.few);

  async function work(): Promise<void> {
    busy += 1;
    do await answerAll(nextBatch());
    while (isWorth(busy - 1));
    busy -= 1;
  }

  function begin(): void {
    if (busy < options.lanes && isWorth(busy)) void work();
    else if (waits > 0) bePatient();
  }

  /** Few wait for the batch under way, but not for ever. */
  function bePatient(): void {
    if (patient || busy >= options.lanes) return;
    patient = true;
    options.clock.after(patienceMs, () => {
      patient = false;
      if (waits > 0 && busy < options.lanes) void work();
    });
  }

  /** Gives what the batch failed with; null when it did not. */
  async function answerAll(batch: readonly Waiting[]): Promise<unknown> {
    try {
      const answers = await run(batch.map(({ request }) => request));
      for (const [index, { resolve, reject }] of batch.entries()) {
        if (index in answers) resolve(answers[index] as Answer);
        else reject(new Error('Batch gave fewer answers than requests'));
      }
      return null;
    } catch (error) {
      if (batch.length === 1 || mayBeDone(error)) rejectAll(batch, error);
      else await answerEach(batch);
      return error;
    }
  }

  /** One by one. Two that wait for locks are no accident: the others are not kept waiting for theirs. */
  async function answerEach(batch: readonly Waiting[]): Promise<void> {
    let locked = 0;
    for (const [index, single] of batch.entries()) {
      const error = await answerAll([single]);
      if (wasLocked(error)) locked += 1;
      if (locked === 2) return rejectAll(batch.slice(index + 1), error);
    }
  }

  function rejectAll(batch: readonly Waiting[], error: unknown): void {
    for (const { reject } of batch) reject(error);
  }

  return (request) =>
    new Promise((resolve, reject) => {
      const share = options.shareOf(request);
      const waiting = shares[share];
      if (waiting) waiting.push({ request, resolve, reject });
      else {
        shares[share] = [{ request, resolve, reject }];
        line.push(share);
      }
      // The next microtask: requests made in the same moment share the first batch too.
      waits += 1;
      if (busy < options.lanes) queueMicrotask(begin);
    });
}
