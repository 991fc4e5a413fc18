/** A database with faults on demand: statements that fail, and what happens just before one. */
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';

/** The database as it is, but for statements of this form, which fail as if the connection had gone. */
export function without(db: Database, statement: RegExp): Database {
  const gone = () => Promise.reject(new AppError('UNAVAILABLE', 'Try again shortly: the database does not answer'));
  return {
    ...db,
    tenant: (creator, work) => db.tenant(creator, (sql) => work((text, params) => (statement.test(text) ? gone() : sql(text, params)))),
  };
}

/** The database as it is; `before` runs ahead of the first transaction with a statement of this form. */
export function watching(db: Database, statement: RegExp, before: () => Promise<void>): Database {
  let seen = false;
  return {
    ...db,
    async tenant(creator, work) {
      let wanted = false;
      await work((text) => {
        wanted ||= statement.test(text);
        return Promise.reject(new Error('only looked at'));
      }).catch(() => {
        // the statements are only looked at here
      });
      if (wanted && !seen) {
        seen = true;
        await before();
      }
      return db.tenant(creator, work);
    },
  };
}
