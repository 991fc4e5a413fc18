/** Operators of the installation: made by a command on its machine only, and what they may do to workspaces. */
import type { Clock } from '../clock.ts';
import type { Caller } from '../context.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, Ids } from '../ids.ts';
import { suspendCreator } from '../store/creators.ts';
import { findOperator, insertOperator } from '../store/operators.ts';
import { revokeAllFamilies } from '../store/refresh-families.ts';
import type { Audit } from './audit.ts';
import { newSecret, readSecret, sameDigest } from './secret.ts';
import type { Standing } from './standing.ts';

const prefix = 'co_';

export interface Operators {
  /** The operator a key stands for. @throws AppError UNAUTHENTICATED for anything but a key of ours */
  verify(text: string): Promise<string>;
  /**
   * Suspends a workspace: its sign-ins end, its sockets close, its timers, effects and deliveries wait. Or lets it work again.
   *
   * @throws AppError NOT_FOUND
   */
  suspend(operatorId: string, creatorId: CreatorId, suspended: boolean, caller: Caller): Promise<void>;
}

/** Makes an operator and gives the key, which is shown this once. */
export async function makeOperator(database: Database, ids: Ids, name: string): Promise<{ id: string; text: string }> {
  const id = ids.uuid();
  const { text, digest } = newSecret(prefix, [id]);
  await database.owner((sql) => insertOperator(sql, { id, name, digest }));
  return { id, text };
}

/** Operators over the record. */
export function createOperators(deps: { database: Database; standing: Standing; audit: Audit; clock: Clock }): Operators {
  const { database, standing, audit, clock } = deps;
  return {
    async verify(text) {
      const read = readSecret(prefix, 1, text);
      const [id] = read?.uuids ?? [];
      const digest = id === undefined ? undefined : await database.owner((sql) => findOperator(sql, id));
      if (read === undefined || id === undefined || digest === undefined || !sameDigest(digest, read.digest)) {
        throw new AppError('UNAUTHENTICATED', 'Send the key of an operator as Authorization: Bearer');
      }
      return id;
    },

    async suspend(operatorId, creatorId, suspended, caller) {
      const now = clock.wall();
      const ended = await database.tenant(creatorId, async (sql) => {
        if (!(await suspendCreator(sql, creatorId, suspended ? new Date(now) : null))) {
          throw new AppError('NOT_FOUND', 'Cannot find what this address names');
        }
        const action = suspended ? 'creator.suspend' : 'creator.resume';
        await audit.within(sql, creatorId, { caller, operatorId }, { action, outcome: 'done', subjectId: creatorId });
        return suspended ? revokeAllFamilies(sql, now) : [];
      });
      await standing.changed(creatorId, ended);
      if (suspended) standing.close({ creator_id: creatorId, all: true });
    },
  };
}
