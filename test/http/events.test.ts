/** Answers told as server-sent events, whatever becomes of the work behind them. */
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { AppEnv } from '../../src/http/env.ts';
import { answerEvents, type TellEvent } from '../../src/http/events.ts';
import { manualClock } from '../support/clock.ts';
import { keptLog } from '../support/kept-log.ts';

const clock = manualClock(Date.UTC(2026, 10, 21, 8));

async function told(work: (tell: TellEvent, gone: AbortSignal) => Promise<void>) {
  const kept = keptLog();
  const app = new Hono<AppEnv>().get('/', (c) => {
    c.set('requestId', 'r1');
    return answerEvents(c, { clock, log: kept.log }, work);
  });
  const answer = await app.request('/');
  const events = (await answer.text())
    .split('\n\n')
    .filter((text) => text !== '')
    .map((text) => {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(text) ?? [];
      return [event, JSON.parse(data ?? '')];
    });
  return { answer, events, log: kept };
}

test('arrive in the order they were told, and are kept by nobody on the way', async () => {
  const { answer, events } = await told(async (tell) => {
    for (const n of [1, 2, 3]) void tell('progress', { n });
    await tell('done', 'ok');
  });
  expect(events).toEqual([
    ['progress', { n: 1 }],
    ['progress', { n: 2 }],
    ['progress', { n: 3 }],
    ['done', 'ok'],
  ]);
  expect(answer.headers.get('Content-Type')).toContain('text/event-stream');
  expect(answer.headers.get('Cache-Control')).toBe('no-store');
});

test('end with an error in the shape of every error, with nothing of the inside', async () => {
  const refused = await told(async (tell) => {
    await tell('progress', {});
    throw new AppError('NOT_FOUND', 'Cannot find it');
  });
  const timestamp = '2026-11-21T08:00:00.000Z';
  expect(refused.events.at(-1)).toEqual([
    'error',
    { error: { code: 'NOT_FOUND', message: 'Cannot find it', details: {}, timestamp, request_id: 'r1' } },
  ]);
  expect(refused.log.lines).toEqual([]);
  const failed = await told(() => Promise.reject(new Error('the secret of the inside')));
  expect(failed.events).toMatchObject([['error', { error: { code: 'INTERNAL' } }]]);
  expect(JSON.stringify(failed.events)).not.toContain('inside');
  expect(JSON.stringify(failed.log.lines)).toContain('http.failed');
});

test('stop the work when nobody listens any more', async () => {
  const stopped = Promise.withResolvers<string>();
  const app = new Hono<AppEnv>().get('/', (c) =>
    answerEvents(c, { clock, log: keptLog().log }, async (tell, gone) => {
      gone.addEventListener('abort', () => stopped.resolve((gone.reason as Error).message));
      await tell('progress', {});
      await stopped.promise;
    }),
  );
  const answer = await app.request('/');
  const reader = answer.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  expect(await stopped.promise).toBe('The client has gone');
});
