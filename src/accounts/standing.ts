/** Whether a sign-in still stands, and with which role: read from the record, remembered for a moment. */
import type { Clock } from '../clock.ts';
import type { Role } from '../context.ts';
import type { Database } from '../database.ts';
import type { CreatorId, MemberId } from '../ids.ts';
import type { Cache } from '../shared/cache.ts';
import { findStanding } from '../store/members.ts';
import { accessSeconds } from './tokens.ts';

/** Answers for every request of a member, so it is remembered for 5 s; an ended sign-in is known at once on all nodes. */
export interface Standing {
  /** The member's role now, or null when the sign-in has ended or the member is gone. */
  roleOf(creatorId: CreatorId, memberId: MemberId, sid: string): Promise<Role | null>;
  /** Tells all nodes that sign-ins have ended. The record must say so already. */
  ended(creatorId: CreatorId, sids: readonly string[]): Promise<void>;
}

const rememberMs = 5_000;
const rememberMost = 10_000;

/** Standing from the record, remembered in this process, with the shared list of ended sign-ins before it. */
export function createStanding({ database, cache, clock }: { database: Database; cache: Cache; clock: Clock }): Standing {
  const remembered = new Map<string, { role: Role | null; until: number }>();
  const endedKey = (creatorId: CreatorId, sid: string) => `ended:creator_${creatorId}:${sid}`;

  async function fromRecord(creatorId: CreatorId, memberId: MemberId, sid: string): Promise<Role | null> {
    const now = clock.wall();
    const role = await database.tenant(creatorId, (sql) => findStanding(sql, memberId, sid, now));
    if (remembered.size >= rememberMost) remembered.clear();
    remembered.set(sid, { role, until: now + rememberMs });
    return role;
  }

  return {
    async roleOf(creatorId, memberId, sid) {
      const known = remembered.get(sid);
      if (known === undefined || known.until <= clock.wall()) return fromRecord(creatorId, memberId, sid);
      try {
        return (await cache.get(endedKey(creatorId, sid))) === null ? known.role : null;
      } catch {
        // Without the shared list only the record can tell: fail closed, not open.
        return fromRecord(creatorId, memberId, sid);
      }
    },
    async ended(creatorId, sids) {
      for (const sid of sids) {
        remembered.delete(sid);
        await cache.set(endedKey(creatorId, sid), '1', accessSeconds * 1000);
      }
    },
  };
}
