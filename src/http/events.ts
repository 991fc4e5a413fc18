/** Answers that are told while they come about, as server-sent events. */
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { reportedError } from './errors.ts';

/** The media type of such an answer. */
export const eventStream = 'text/event-stream';

/** Tells one event, with data that JSON can hold; events arrive in the order they were told. */
export type TellEvent = (event: string, data: unknown) => Promise<void>;

/** Whether the client asks for events. */
export function acceptsEvents(c: Context): boolean {
  return c.req.header('Accept')?.includes(eventStream) === true;
}

/**
 * Answers with the events that `work` tells. When it fails, the last is `error`, with the body of any error; when nobody listens any more, its signal
 * aborts and nothing follows.
 */
export function answerEvents(
  c: Context,
  { clock, log }: { clock: Pick<Clock, 'wall'>; log: Log },
  work: (tell: TellEvent, gone: AbortSignal) => Promise<void>,
): Response {
  const requestId: string = c.get('requestId');
  const response = streamSSE(c, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort(new Error('The client has gone')));
    let told: Promise<void> = Promise.resolve();
    const tell: TellEvent = (event, data) => {
      told = told.then(() => stream.writeSSE({ event, data: JSON.stringify(data) }));
      return told;
    };
    try {
      await work(tell, gone.signal);
      await told;
    } catch (error) {
      if (gone.signal.aborted) return;
      await tell('error', { error: reportedError(error, requestId, { clock, log }) });
    }
  });
  response.headers.set('Cache-Control', 'no-store');
  return response;
}
