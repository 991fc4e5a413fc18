/** The port to PostgreSQL, kept by two adapters: `store/postgres.ts` (a server) and `store/pglite.ts` (in-process). */
import type { CreatorId } from './ids.ts';

/** Runs one parameterised statement and gives its rows. Values never go into the text. `jsonb` comes back parsed, `bigint` as number, times as Date. */
export type Sql = <Row = Record<string, unknown>>(text: string, params?: readonly unknown[]) => Promise<Row[]>;

/**
 * A database with the three ways in. Failures of the connection reject with AppError UNAVAILABLE; everything else
 * with the driver's error, whose `code` is the SQLSTATE.
 */
export interface Database {
  readonly kind: 'pglite' | 'postgres';
  /**
   * The only way to a tenant table: one transaction, as the unprivileged role, in the context of one creator.
   * Commits when `work` resolves, rolls back when it rejects. `work` must not wait for anything but `sql`.
   */
  tenant<T>(creator: CreatorId, work: (sql: Sql) => Promise<T>): Promise<T>;
  /**
   * One statement as the unprivileged role with no creator: the functions of schema `routing`, and `commit_turns` and
   * `hydrate_conversations`, which set the creator row by row. Tenant tables look empty from here.
   */
  routing: Sql;
  /** A transaction as the owner of the schema: migrations and the installation's own tables. Sees no tenant row either (FORCE), on PostgreSQL. */
  owner<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** Ends the connections after the statements under way. */
  close(): Promise<void>;
}
