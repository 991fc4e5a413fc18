/** A single PostgreSQL session behind the Database port: one transaction at a time, creator and role set inside it. */
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import { isUuid } from '../ids.ts';

/** What a statement gave. `command` is the word of its command tag, such as `SELECT`. */
export interface Ran {
  command: string;
  rows: Record<string, unknown>[];
}

/** Runs one statement, or several when there are no parameters, and gives what the last one gave. */
export type Run = (text: string, params: readonly unknown[]) => Promise<Ran>;

/** One session, in this thread or another. Statements run in the order of the calls. */
export interface Session {
  run: Run;
  close(): Promise<void>;
}

/** Makes the unprivileged role where it is missing, and the login role a member of it. A session can be opened before the first migration. */
export const ensureRole = `do $$ begin
    if not exists (select from pg_roles where rolname = 'companero_app') then
      create role companero_app nologin nosuperuser nobypassrls;
    end if;
    if not pg_has_role(session_user, 'companero_app', 'member') then
      execute format('grant companero_app to %I', session_user);
    end if;
  exception when duplicate_object or unique_violation then null; end $$`;

/** Makes the session's everyday role the unprivileged one: what forgets to switch sees too little, never too much. */
export const sessionSetup = "set role companero_app; set timezone = 'UTC'";

/** A timestamp as PostgreSQL prints it. The infinities become the last instants a Date can hold. */
function timeFromText(text: string): Date {
  if (text === '-infinity') return new Date(-8.64e15);
  if (text === 'infinity') return new Date(8.64e15);
  return new Date(text);
}

/**
 * How both adapters read the types their drivers read differently, by type id (`pg_type.dat`): int8 as number, date as
 * YYYY-MM-DD, timestamp as UTC, timestamptz.
 */
export const rowParsers: Readonly<Record<number, (text: string) => unknown>> = {
  20: Number,
  1082: (text) => text,
  1114: (text) => timeFromText(`${text}Z`),
  1184: timeFromText,
};

/**
 * The start of a tenant transaction, in one round trip. The id stands in the text because a simple query, the only kind that takes
 * two statements at once, has no parameters; it is proved to be a UUID first.
 *
 * @throws AppError INTERNAL when the creator id is no UUID
 */
export function beginTenant(creatorId: string): string {
  if (!isUuid(creatorId)) throw new AppError('INTERNAL', `Cannot scope a transaction to creator "${creatorId}": not a UUID`);
  // Setting the role by function is what `set local role` does, and spares the embedded database a statement.
  return `begin; select set_config('role', 'companero_app', true), set_config('app.current_creator_id', '${creatorId}', true)`;
}

/** The start of a transaction as the login role, which owns the schema. */
export const beginOwner = 'begin; set local role none';

/**
 * One transaction of a session that nobody else uses meanwhile.
 *
 * @throws whatever `work` or the session throws, after a rollback · AppError INTERNAL when `work` hid the failure of a statement, so
 * that there was nothing to commit, or runs a statement after its end
 */
export async function transaction<T>(run: Run, begin: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  let ended = false;
  const sql = async <Row>(text: string, params: readonly unknown[] = []) => {
    if (ended) throw new AppError('INTERNAL', 'Cannot run a statement: its transaction has ended');
    return (await run(text, params)).rows as Row[];
  };
  // Not awaited before the work: the session keeps the order, so the first statement need not wait for a round trip.
  const begun = run(begin, []);
  try {
    const [result] = await Promise.all([work(sql), begun]);
    ended = true;
    const { command } = await run('commit', []);
    if (command !== 'COMMIT') throw new AppError('INTERNAL', 'Cannot commit: a statement of the transaction failed and was not reported');
    return result;
  } catch (error) {
    ended = true;
    await run('rollback', []).catch(() => {
      // the first failure is the one to tell
    });
    throw error;
  }
}

/** The Database port over one session. Transactions wait for each other in the order of the calls. */
export function databaseOver(session: Session): Database {
  let tail: Promise<unknown> = Promise.resolve();

  function exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = tail.then(work);
    tail = result.catch(() => {
      // the caller hears of it; the queue goes on
    });
    return result;
  }

  return {
    kind: 'pglite',
    tenant: async (creator, work) => {
      const begin = beginTenant(creator);
      return exclusive(() => transaction(session.run, begin, work));
    },
    owner: (work) => exclusive(() => transaction(session.run, beginOwner, work)),
    routing: async <Row>(text: string, params: readonly unknown[] = []) => (await exclusive(() => session.run(text, params))).rows as Row[],
    close: () => exclusive(() => session.close()),
  };
}
