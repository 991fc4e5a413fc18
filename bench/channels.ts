/** Webhooks of a provider to a durable 200 on PostgreSQL: rate and waits, a burst with a fifth repeated, beside the turns of the widget in the same run. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../test/support/postgres-server.ts';
import { botToken, startTelegram, textUpdate } from '../test/support/telegram-stand-in.ts';
import { closedLoop, waitsOf } from './load.ts';
import { table } from './report.ts';
import { cpuMs, startServer } from './server-process.ts';
import { openTalkers, openWorkspace } from './talkers.ts';

const people = 1_000;
const different = 8_000;
/** Requests under way at once: what Telegram is asked for, and a little more. */
const atOnce = 64;
const talkers = 200;

/** Measures and gives the report in Markdown. */
export async function benchChannels(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-bench-'));
  const [postgres, telegram] = await Promise.all([startPostgres({ durable: true }), startTelegram()]);
  const server = await startServer(
    'src/main.ts',
    {
      ...{ PORT: '0', DEMO: 'false', TRUSTED_PROXY_HOPS: '1', WIDGET_FRAMES_PER_SECOND: '10000', LOG_LEVEL: 'warn' },
      ...{ DATA_DIR: folder, DATABASE_URL: postgres.url, TELEGRAM_URL: telegram.url, MASTER_KEY: randomBytes(32).toString('base64') },
    },
    'is up.',
  );
  try {
    const origin = `http://127.0.0.1:${/:\/\/[^/\s]+:(\d+)/.exec(server.output)?.[1]}`;
    const open = await openTalkers(origin, await openWorkspace(origin), talkers);
    const burnt = () => ({ server: cpuMs(server.pid), record: cpuMs(postgres.pid, true) });
    const before = burnt();
    const turns = await closedLoop(open, 1_500, 5_000);
    const ofTurns = costOf(before, burnt(), turns.perSecond * 6.5);
    for (const talker of open) talker.close();
    const send = await connectBot(origin, telegram);
    const first = await burst(shuffled(updates(0)), send, burnt);
    const second = await burst(shuffled(updates(1_000_000)), send, burnt);
    return report({ ...turns, cost: ofTurns }, first, second, await inboundOf(postgres.url));
  } finally {
    await server.stop();
    await Promise.all([postgres.stop(), telegram.close(), rm(folder, { recursive: true, force: true })]);
  }
}

/** Connects a bot and gives a function that sends an update as Telegram would, and rejects when it was not taken. */
async function connectBot(origin: string, telegram: Awaited<ReturnType<typeof startTelegram>>): Promise<(update: object) => Promise<void>> {
  const post = async (path: string, value: object, headers: Record<string, string> = {}) => {
    const answer = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(value),
    });
    if (!answer.ok) throw new Error(`The server answered ${answer.status} to ${path}: ${await answer.text()}`);
    return answer;
  };
  const account = { email: 'bot@example.com', password: 'correct horse battery staple', display_name: 'Bot' };
  const { access_token: token } = (await (await post(`${origin}/api/v1/auth/register`, account)).json()) as { access_token: string };
  await post(`${origin}/api/v1/channels/connections`, { channel: 'telegram', token: botToken }, { Authorization: `Bearer ${token}` });
  const { url, secret } = telegram.webhook ?? { url: '', secret: '' };
  const here = new URL(new URL(url).pathname, origin).href;
  return async (update) => void (await post(here, update, { 'X-Telegram-Bot-Api-Secret-Token': secret }));
}

/** Different updates of all people, and a quarter of them once more: a fifth of the whole is repeated. */
function updates(from: number): Record<string, unknown>[] {
  const all = Array.from({ length: different }, (_, index) =>
    textUpdate(from + index + 1, 5_000 + (index % people), `message ${from + index}`),
  );
  return [...all, ...all.filter((_, index) => index % 4 === 0)];
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

/** CPU time of the server and of PostgreSQL, in milliseconds. */
interface Burnt {
  server: number;
  record: number;
}

/** CPU microseconds each, of both: what other work on the machine changes least. */
function costOf(before: Burnt, after: Burnt, count: number): string {
  const each = (part: keyof Burnt) => Math.round(((after[part] - before[part]) * 1_000) / count);
  return `${each('server')} + ${each('record')}`;
}

async function burst(given: readonly Record<string, unknown>[], send: (update: object) => Promise<void>, burnt: () => Burnt) {
  const waits: number[] = [];
  const before = burnt();
  let next = 0;
  const began = performance.now();
  async function sender(): Promise<void> {
    for (let update = given[next++]; update !== undefined; update = given[next++]) {
      const sent = performance.now();
      await send(update);
      waits.push(performance.now() - sent);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, sender));
  const perSecond = given.length / ((performance.now() - began) / 1000);
  return { perSecond, cost: costOf(before, burnt(), given.length), ...waitsOf(waits) };
}

async function inboundOf(url: string): Promise<{ messages: number; texts: number }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(
    "select count(*)::int as messages, count(distinct body ->> 'text')::int as texts from messages where role = 'contact' and body ->> 'text' ~ '^message '",
  );
  await client.end();
  return rows[0];
}

type Burst = Awaited<ReturnType<typeof burst>>;

function report(
  turns: { perSecond: number; cost: string },
  first: Burst,
  second: Burst,
  found: { messages: number; texts: number },
): string {
  const row = (name: string, { perSecond, p50, p99, cost }: Burst) => [
    name,
    String(Math.round(perSecond)),
    (perSecond / turns.perSecond).toFixed(2),
    `${p50.toFixed(1)} / ${p99.toFixed(1)}`,
    cost,
  ];
  const heads = [
    `${different * 1.25} updates, a fifth repeated, ${atOnce} at once`,
    'per second',
    'of the widget’s turn rate',
    'p50 / p99 ms to 200',
    'CPU µs each, server + PostgreSQL',
  ];
  const rows = [row(`${people} new people`, first), row('the same people again', second)];
  const lost = 2 * different - found.texts;
  const doubled = found.messages - found.texts;
  return `### Webhooks\n\n${table(heads, rows)}\n\nWidget turns in the same run: ${Math.round(turns.perSecond)} per second, ${turns.cost} µs each. Lost: ${lost}. Doubled: ${doubled}.`;
}
