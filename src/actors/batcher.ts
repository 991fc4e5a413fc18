/** Puts single requests that wait at the same moment into one: group commit and group hydration. */

/**
 * A function that answers one request, while `run` answers many at once. Whatever arrives while all lanes are busy waits for the
 * next batch, so batches grow with the load and a lone request waits for nobody.
 *
 * @param run answers requests in the order given; when it rejects, each request of the batch is tried once alone, so that one
 * that cannot be answered does not fail the others
 * @param options `most` requests a batch, `lanes` batches at a time
 */
export function createBatcher<Request, Answer>(
  run: (requests: readonly Request[]) => Promise<readonly Answer[]>,
  options: { most: number; lanes: number },
): (request: Request) => Promise<Answer> {
  interface Waiting {
    request: Request;
    resolve: (answer: Answer) => void;
    reject: (error: unknown) => void;
  }
  let waiting: Waiting[] = [];
  let busy = 0;

  async function work(): Promise<void> {
    busy += 1;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, options.most);
      waiting = waiting.slice(options.most);
      await answerAll(batch);
    }
    busy -= 1;
  }

  async function answerAll(batch: readonly Waiting[]): Promise<void> {
    try {
      const answers = await run(batch.map(({ request }) => request));
      batch.forEach(({ resolve, reject }, index) => {
        if (index in answers) resolve(answers[index] as Answer);
        else reject(new Error('Batch gave fewer answers than requests'));
      });
    } catch (error) {
      const [only] = batch;
      if (batch.length === 1 && only) return only.reject(error);
      for (const single of batch) await answerAll([single]);
    }
  }

  return (request) =>
    new Promise((resolve, reject) => {
      waiting.push({ request, resolve, reject });
      // The next microtask: requests made in the same moment share the first batch too.
      if (busy < options.lanes) queueMicrotask(() => busy < options.lanes && waiting.length > 0 && void work());
    });
}
