/** The edge itself: errors, time limits, health, measurements and addresses. */
import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { AppError } from '../../src/errors.ts';
import { createApp } from '../../src/http/app.ts';
import { clientAddress } from '../../src/http/client-address.ts';
import type { AppEnv } from '../../src/http/env.ts';
import { limits } from '../../src/http/limits.ts';
import { accountPagesRoutes } from '../../src/http/routes/account-pages.ts';
import { docsRoutes } from '../../src/http/routes/docs.ts';
import { healthRoutes, type Part } from '../../src/http/routes/health.ts';
import { systemIds } from '../../src/ids.ts';
import type { Log } from '../../src/log.ts';
import { manualClock } from '../support/clock.ts';
import { quietLog } from '../support/quiet-log.ts';

const clock = manualClock(Date.UTC(2026, 0, 1));

function appWith(routes: Hono<AppEnv>, log: Log = quietLog) {
  const deps = { log, clock, ids: systemIds, connInfo: () => ({ remote: {} }), trustedProxyHops: 0, timeLimitMs: 1_000 };
  return createApp(deps, [{ path: '/', routes }]);
}

test('an unknown error tells the log everything and the client nothing', async () => {
  const logged: unknown[] = [];
  const log = { ...quietLog, error: (...line: unknown[]) => logged.push(line) };
  const secret = new Error('password=hunter2');
  const routes = new Hono<AppEnv>().get('/boom', () => {
    throw secret;
  });
  const response = await appWith(routes, log).request('/boom');
  const text = await response.text();
  expect(response.status).toBe(500);
  expect(text).not.toContain('hunter2');
  const { error } = JSON.parse(text);
  expect(error).toMatchObject({ code: 'INTERNAL', details: {}, timestamp: '2026-01-01T00:00:00.000Z' });
  expect(logged).toEqual([['http.failed', secret, { request_id: error.request_id, status: 500 }]]);
  expect(response.headers.get('X-Request-Id')).toBe(error.request_id);
});

test('a refusal for want of room is a warning of one line: a flood of them must not bury the alerts', async () => {
  const logged: unknown[] = [];
  const line = (...words: unknown[]) => logged.push(words);
  const routes = new Hono<AppEnv>().get('/full', () => {
    throw new AppError('OVERLOADED', 'Too much waits here', { details: { scope: 'creator', retry_after_ms: 1_000 } });
  });
  const response = await appWith(routes, { ...quietLog, error: line, warn: line }).request('/full');
  expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '1']);
  expect(logged).toEqual([['http.refused', { request_id: response.headers.get('X-Request-Id'), code: 'OVERLOADED', scope: 'creator' }]]);
});

test('an answer that does not begin in time is given up', async () => {
  const routes = new Hono<AppEnv>().get('/slow', () => new Promise<Response>(() => {}));
  const answer = appWith(routes).request('/slow');
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(1_000);
  expect((await answer).status).toBe(503);
});

test('a wait is told in seconds, rounded up', async () => {
  const routes = new Hono<AppEnv>().get('/busy', () => {
    throw new AppError('OVERLOADED', 'Try again shortly', { details: { retry_after_ms: 1_200 } });
  });
  const response = await appWith(routes).request('/busy');
  expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '2']);
});

describe('health', () => {
  const up: Part = { needed: true, check: async () => undefined };
  const down: Part = { needed: true, check: () => Promise.reject(new Error('down')) };
  const hangs: Part = { needed: true, check: () => new Promise(() => {}) };
  const groups = { auth: ['database'], creators: ['database'], ai: ['model'], channels: [] };
  const app = (parts: Record<string, Part>) => appWith(healthRoutes({ parts, groups, partTimeoutMs: 10 }));

  test.each([
    ['all work', { database: up, model: up }, 200, { database: 'ok', model: 'ok' }],
    ['a needed part is down', { database: down, model: up }, 503, { database: 'down', model: 'ok' }],
    ['a needed part hangs', { database: hangs, model: up }, 503, { database: 'down', model: 'ok' }],
    [
      'a part is down that can be done without',
      { database: up, model: { ...down, needed: false } },
      200,
      { database: 'ok', model: 'down' },
    ],
  ] as const)('/ready when %s', async (_, parts, status, expected) => {
    const response = await app(parts).request('/ready');
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ status: status === 200 ? 'ok' : 'down', parts: expected });
  });

  test('each group answers for its own parts', async () => {
    const broken = app({ database: down, model: up });
    expect((await broken.request('/health')).status).toBe(200);
    expect((await broken.request('/api/v1/auth/health')).status).toBe(503);
    expect((await broken.request('/api/v1/ai/health')).status).toBe(200);
  });

  test('/metrics counts by route pattern, never by path', async () => {
    const measured = app({ database: up, model: up });
    await measured.request('/health');
    await measured.request('/secret-0123');
    const text = await (await measured.request('/metrics')).text();
    expect(text).toContain('route="/health",status="200"');
    expect(text).not.toContain('secret-0123');
  });
});

test('the pages of the API and of mails load nothing from elsewhere', async () => {
  const app = createApp(
    { log: quietLog, clock, ids: systemIds, connInfo: () => ({ remote: {} }), trustedProxyHops: 0 },
    [docsRoutes(), accountPagesRoutes()].map((routes) => ({ path: '/', routes })),
  );
  const account = ['confirm', 'reset', 'address', 'join', 'account.js', 'account.css'].map((name) => `/account/${name}`);
  for (const path of ['/docs', '/docs/docs.js', '/docs/docs.css', ...account]) {
    const response = await app.request(path);
    expect(response.status).toBe(200);
    expect(await response.text()).not.toMatch(/(?:src|href|from|url)\s*[=(]?\s*["'(]https?:/);
  }
});

test.each([
  [0, '1.2.3.4', 'peer'],
  [1, '1.2.3.4', '1.2.3.4'],
  [1, 'forged, 1.2.3.4', '1.2.3.4'],
  [2, 'forged, 1.2.3.4, 10.0.0.1', '1.2.3.4'],
  [2, '1.2.3.4', 'peer'],
  [1, undefined, 'peer'],
  [1, '::ffff:1.2.3.4', '1.2.3.4'],
  [1, '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  [1, '2001:DB8:1:2::6', '2001:db8:1:2::/64'],
  [1, '::1', '0:0:0:0::/64'],
])('with %i trusted proxies, %s names %s', (hops, header, expected) => {
  expect(clientAddress('peer', header, hops)).toBe(expected);
});

test('the page on security names every limit as it is, and no other', async () => {
  const page = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z]+\.[a-z]+)` \| ([^|]+) \|/gm)].map(([, name, allows]) => [name, allows]);
  const counted = Object.entries(limits).map(([name, { most, windowMs }]) => [name, `${most} in ${windowMs / 60_000} min`]);
  const { widgetFramesPerSecond } = loadConfig({});
  const paced = ['widget.frames', `${widgetFramesPerSecond} in 1 s, ${10 * widgetFramesPerSecond} at once`];
  expect(rows).toEqual([...counted, paced]);
});
