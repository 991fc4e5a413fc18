/** A PostgreSQL server as the record: a pool of sessions that stay in the unprivileged role. */
import pg from 'pg';
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { beginOwner, beginTenant, ensureRole, type Run, rowParsers, sessionSetup, transaction } from './session.ts';

const connectTimeoutMs = 5_000;
/** A statement of everyday work that has no answer by then has none: a network may go silent without a word. Migrations take their time. */
const defaultAnswerTimeoutMs = 20_000;
/** Nobody waits longer for a row that somebody else has locked: whoever shares the statement waits too. */
const defaultLockTimeoutMs = 5_000;
/** A node that hangs in the middle of a transaction may hold its locks no longer than this. */
const idleInTransaction = "set idle_in_transaction_session_timeout = '10s'";
/** The server is asked to end a statement first: its word leaves the connection as it was. */
const graceMs = 1_000;
const noLimits = 'set local statement_timeout = 0; set local lock_timeout = 0';

/** What `pg` asks for the reading of a column. */
const types = {
  getTypeParser: ((id: number, format?: 'text') => rowParsers[id] ?? pg.types.getTypeParser(id, format)) as typeof pg.types.getTypeParser,
};

/**
 * Opens a pool on a PostgreSQL server, version 15 or later. The login role owns the schema. Needs sessions of its own: a pooler in
 * between must pool by session.
 *
 * @param options.url a connection string `postgres://user:password@host:port/database`
 * @param options.poolSize connections at most
 * @param options.answerTimeoutMs how long a statement of everyday work may take. Default 20 s
 * @param options.lockTimeoutMs how long such a statement waits for a lock. Default 5 s
 * @throws AppError UNAVAILABLE when the server cannot be reached, INTERNAL when its roles would not hold creators apart
 */
export async function openPostgres(options: {
  url: string;
  log: Log;
  poolSize: number;
  answerTimeoutMs?: number;
  lockTimeoutMs?: number;
}): Promise<Database> {
  const { url, log, poolSize, answerTimeoutMs = defaultAnswerTimeoutMs, lockTimeoutMs = defaultLockTimeoutMs } = options;
  // The server itself ends what nobody waits for any more: left alone it would go on to wait for its locks, in a connection of its own.
  const limits = `set statement_timeout = ${answerTimeoutMs}; set lock_timeout = ${lockTimeoutMs}`;
  await checkRoles(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    types,
    onConnect: async (client) => {
      await client.query(`${sessionSetup}; ${idleInTransaction}; ${limits}`);
    },
  });
  const names = new Map<string, string>();

  /** The statements of `routing` are few and the same: those of a turn cost the server a tenth less where they are prepared. */
  function nameOf(text: string): string {
    const name = names.get(text) ?? `routing_${names.size}`;
    names.set(text, name);
    return name;
  }

  pool.on('error', (error) => log.warn('database.connection.lost', { code: (error as { code?: string }).code }));

  /** Gives `work` a connection of its own; one that failed below SQL is not used again. */
  async function connected<T>(work: (run: NamedRun) => Promise<T>, timeoutMs = answerTimeoutMs + graceMs): Promise<T> {
    const client = await reaching(pool.connect());
    let broken = false;
    try {
      return await work(async (text, params, name) => {
        try {
          return await reaching(query(client, { text, params, timeoutMs, name }));
        } catch (error) {
          broken ||= error instanceof AppError;
          throw error;
        }
      });
    } finally {
      client.release(broken);
    }
  }

  return {
    kind: 'postgres',
    tenant: async (creator, work) => {
      const begin = beginTenant(creator);
      return connected((run) => transaction(run, begin, work));
    },
    owner: (work: (sql: Sql) => Promise<unknown>) => connected((run) => transaction(run, `${beginOwner}; ${noLimits}`, work), 0) as never,
    routing: async <Row>(text: string, params: readonly unknown[] = []) =>
      connected(async (run) => (await run(text, params, nameOf(text))).rows as Row[]),
    close: () => pool.end(),
  };
}

/** Runs a statement; one that has a name is parsed once a connection. */
type NamedRun = (text: string, params: readonly unknown[], name?: string) => ReturnType<Run>;

interface Query {
  text: string;
  params: readonly unknown[];
  /** 0 for none. */
  timeoutMs: number;
  name: string | undefined;
}

async function query(client: pg.ClientBase, { text, params, timeoutMs, name }: Query): ReturnType<Run> {
  // Without parameters `pg` speaks the simple protocol, where several statements give several results.
  const values = params.length === 0 ? {} : { values: [...params] };
  const result: pg.QueryResult | pg.QueryResult[] = await client.query({
    text,
    ...values,
    ...(name === undefined ? {} : { name }),
    ...(timeoutMs > 0 ? { query_timeout: timeoutMs } : {}),
  });
  const last = Array.isArray(result) ? result.at(-1) : result;
  return { command: last?.command ?? '', rows: last?.rows ?? [] };
}

/** Makes the unprivileged role where it is missing, and refuses one that row level security would not bind. */
async function checkRoles(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs });
  try {
    await reaching(client.connect());
    await reaching(client.query(ensureRole));
    const { rows } = await reaching(
      client.query("select rolsuper or rolbypassrls as unbound from pg_roles where rolname in ('companero_app', 'companero_router')"),
    );
    if (rows.some((row) => row.unbound)) {
      throw new AppError(
        'INTERNAL',
        'Take SUPERUSER and BYPASSRLS from roles "companero_app" and "companero_router": they must be bound by row level security',
      );
    }
  } finally {
    await client.end().catch(() => {
      // it never connected; the first failure is the one to tell
    });
  }
}

/** SQLSTATEs of a server that cannot serve now: 08 connection, 53 resources, 55P03 locked, 57014 too slow, 57P shutdown (PostgreSQL manual, Appendix A). */
const unavailableState = /^(08|53|55P03|57014|57P)/;

/** Tells failures below SQL, which have no SQLSTATE, as UNAVAILABLE; the server's own errors pass unchanged. */
async function reaching<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof pg.DatabaseError && !unavailableState.test(error.code ?? '')) throw error;
    throw new AppError('UNAVAILABLE', 'Try again soon: the database cannot be reached', { cause: error });
  }
}
