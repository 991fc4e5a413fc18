/** Whether a sign-in still stands, and with which role: read from the record, remembered for a moment. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { CreatorId, MemberId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Cache } from '../shared/cache.ts';
import { type FanOut, type SessionNews, sessionsTopic } from '../shared/fan-out.ts';
import { findStanding, type StandingRow } from '../store/members.ts';

/** Answers for every request of a member, so it is remembered for 5 s; what has changed is known at once on all nodes. */
export interface Standing {
  /** The member's role now and when the password was last proved; null when the sign-in has ended, the member is gone or the creator suspended. */
  of(creatorId: CreatorId, memberId: MemberId, sid: string): Promise<StandingRow | null>;
  /** Tells all nodes that these sign-ins have ended or changed, and closes their sockets. The record must say so already. Never rejects. */
  changed(creatorId: CreatorId, sids: readonly string[]): Promise<void>;
  /** Has all nodes ask the record about this sign-in, whose sockets may stay. Never rejects. */
  refreshed(creatorId: CreatorId, sid: string): Promise<void>;
  /** Closes all sockets of a creator, or those of some conversations. */
  close(news: SessionNews): void;
}

const rememberMs = 5_000;
const rememberMost = 10_000;

/** Standing from the record, remembered in this process; a mark in the shared cache says that the record must be asked. */
export function createStanding(deps: { database: Database; cache: Cache; fanOut: FanOut; clock: Clock; log: Log }): Standing {
  const { database, cache, fanOut, clock, log } = deps;
  const remembered = new Map<string, { standing: StandingRow | null; until: number }>();
  /** Not among the creator's keys: forgetting a workspace must not forget that its sign-ins have ended. */
  const markKey = (sid: string) => `changed:installation:${sid}`;

  async function fromRecord(creatorId: CreatorId, memberId: MemberId, sid: string): Promise<StandingRow | null> {
    const now = clock.wall();
    const standing = await database.tenant(creatorId, (sql) => findStanding(sql, memberId, sid, now));
    if (remembered.size >= rememberMost) remembered.clear();
    remembered.set(sid, { standing, until: now + rememberMs });
    return standing;
  }

  /** Without the shared marks only the record can tell: fail closed, not open. */
  const isMarked = (sid: string) =>
    cache.get(markKey(sid)).then(
      (mark) => mark !== null,
      () => true,
    );

  async function mark(creatorId: CreatorId, sids: readonly string[]): Promise<void> {
    for (const sid of sids) remembered.delete(sid);
    try {
      // A mark outlives what any node may remember.
      await Promise.all(sids.map((sid) => cache.set(markKey(sid), '1', 2 * rememberMs)));
    } catch {
      // Nodes that cannot read marks ask the record; one that can, though we cannot write, remembers for 5 s at most.
      log.warn('standing.unmarked', { creator_id: creatorId, sessions: sids.length });
    }
  }

  function close(news: SessionNews): void {
    fanOut.publish(sessionsTopic, news);
  }

  return {
    async of(creatorId, memberId, sid) {
      const known = remembered.get(sid);
      if (known === undefined || known.until <= clock.wall()) return fromRecord(creatorId, memberId, sid);
      return (await isMarked(sid)) ? fromRecord(creatorId, memberId, sid) : known.standing;
    },
    async changed(creatorId, sids) {
      await mark(creatorId, sids);
      if (sids.length > 0) close({ creator_id: creatorId, sids });
    },
    refreshed: (creatorId, sid) => mark(creatorId, [sid]),
    close,
  };
}
