/** What accounts cost: sign-ins at once and what they do to the event loop, and a request of a member against a bare route. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Hono } from 'hono';
import { compose } from '../src/compose.ts';
import { loadConfig } from '../src/config.ts';
import { connInfo, serve, upgradeWebSocket } from '../src/runtime/node.ts';
import { median, table } from './report.ts';

const members = 50;
const rounds = 3;
const clients = 16;
const warmMs = 1_000;
const roundMs = 3_000;
const password = 'a long unlikely phrase';

/** The figures of accounts, as Markdown. */
export async function benchAccounts(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-bench-'));
  const config = loadConfig({ DATA_DIR: folder, DEMO: 'false', LOG_LEVEL: 'silent', TRUSTED_PROXY_HOPS: '1' });
  const server = await compose(config, { upgradeWebSocket, connInfo, port: 0 });
  const serving = await serve({ app: server.app, sockets: server.sockets, host: '127.0.0.1', port: 0, log: server.log });
  const origin = `http://127.0.0.1:${serving.port}`;
  const bareApp = new Hono().get('/me', (c) => c.json({ creator: { id: 'x', name: 'x' }, member: { id: 'x', email: 'x' } }));
  const bare = await serve({ app: bareApp, sockets: server.sockets, host: '127.0.0.1', port: 0, log: server.log });
  try {
    const tokens = await register(origin);
    const signIns = await signInAtOnce(origin);
    const reads = await compareReads(origin, `http://127.0.0.1:${bare.port}`, tokens);
    return `### Accounts\n\n${signIns}\n\n${reads}`;
  } finally {
    await Promise.all([serving.close(), bare.close()]);
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Each request comes from an address of its own, or the limits would be measured. */
let address = 0;
function post(url: string, json: unknown): Promise<Response> {
  address += 1;
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': `198.51.${address >> 8}.${address & 255}` };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(json) });
}

async function register(origin: string): Promise<string[]> {
  const tokens: string[] = [];
  for (let index = 0; index < members; index++) {
    const response = await post(`${origin}/api/v1/auth/register`, { email: `m${index}@example.org`, password, display_name: 'Ana' });
    tokens.push(((await response.json()) as { access_token: string }).access_token);
  }
  return tokens;
}

/** All members sign in at the same moment while the health check is asked all the time. */
async function signInAtOnce(origin: string): Promise<string> {
  const seen = { rate: [] as number[], delay: [] as number[], health: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const loop = monitorEventLoopDelay({ resolution: 1 });
    const health: number[] = [];
    let running = true;
    const watching = (async () => {
      while (running) {
        const asked = performance.now();
        await (await fetch(`${origin}/health`)).arrayBuffer();
        health.push(performance.now() - asked);
      }
    })();
    loop.enable();
    const started = performance.now();
    const answers = await Promise.all(
      Array.from({ length: members }, (_, index) => post(`${origin}/api/v1/auth/login`, { email: `m${index}@example.org`, password })),
    );
    const seconds = (performance.now() - started) / 1000;
    loop.disable();
    running = false;
    await watching;
    if (answers.some(({ status }) => status !== 200)) throw new Error('Cannot measure: a sign-in was refused');
    seen.rate.push(members / seconds);
    seen.delay.push(loop.percentile(99) / 1e6);
    seen.health.push(Math.max(...health));
  }
  const figure = (values: number[], digits: number) => median(values).toFixed(digits);
  return table(
    [`${members} sign-ins at once (Argon2id 46 MiB)`, 'sign-ins per second', 'event-loop delay p99', 'slowest health check'],
    [['median of 3', figure(seen.rate, 1), `${figure(seen.delay, 1)} ms`, `${figure(seen.health, 0)} ms`]],
  );
}

/** The same clients against both servers in turn; what counts is the ratio. Each client is another member, who stays below the limits. */
async function compareReads(origin: string, bareOrigin: string, tokens: readonly string[]): Promise<string> {
  const own = (client: number) =>
    fetch(`${origin}/api/v1/auth/me`, { headers: { authorization: `Bearer ${tokens[client % tokens.length]}` } });
  const bare = () => fetch(`${bareOrigin}/me`);
  await perSecond(bare, warmMs);
  await perSecond(own, warmMs);
  const rates = { own: [] as number[], bare: [] as number[], ratio: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const [bareRate, ownRate] = [await perSecond(bare, roundMs), await perSecond(own, roundMs)];
    rates.bare.push(bareRate);
    rates.own.push(ownRate);
    rates.ratio.push(ownRate / bareRate);
  }
  return table(
    ['GET', 'per second', 'ratio to the bare route'],
    [
      ['bare Hono route', median(rates.bare).toFixed(0), '1'],
      ['`/auth/me` of a member', median(rates.own).toFixed(0), median(rates.ratio).toFixed(2)],
    ],
  );
}

async function perSecond(ask: (client: number) => Promise<Response>, forMs: number): Promise<number> {
  const until = performance.now() + forMs;
  let done = 0;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (performance.now() < until) {
        const response = await ask(client);
        await response.arrayBuffer();
        if (response.ok) done += 1;
        else if (response.status !== 429) throw new Error(`Cannot measure: ${response.status}`);
      }
    }),
  );
  return done / (forMs / 1000);
}
