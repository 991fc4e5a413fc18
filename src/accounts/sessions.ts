/** Sign-ins: opened with a pair of tokens, kept alive by rotating the refresh token, ended by hand or by misuse. */
import type { Clock } from '../clock.ts';
import type { Caller, MemberPrincipal, Role } from '../context.ts';
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, Ids, MemberId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Seal } from '../seal.ts';
import { findMember } from '../store/members.ts';
import {
  familyIds,
  findFamilyCreator,
  insertFamily,
  listFamilies,
  lockFamily,
  type RefreshFamily,
  revokeFamily,
  revokeOtherFamilies,
  rotateFamily,
  touchAuthentication,
} from '../store/refresh-families.ts';
import type { Audit } from './audit.ts';
import { absoluteMs, judge, type RefreshToken, readRefreshToken, refreshToken, slidingMs } from './refresh-token.ts';
import type { Standing } from './standing.ts';
import { accessSeconds, type Tokens } from './tokens.ts';

/** What a client gets at sign-in and at each refresh. */
export interface TokenPair {
  access_token: string;
  refresh_token: string;
  /** Seconds until the access token ends. */
  expires_in: number;
}

/** One place where a member is signed in; instants in milliseconds since 1970. */
export type Session = Pick<RefreshFamily, 'id' | 'createdAt' | 'lastUsedAt' | 'expiresAt' | 'userAgent'>;

/** What can be done with sign-ins. */
export interface Sessions {
  /** Opens a sign-in inside the caller's transaction; the pair is made once that has committed. */
  open(sql: Sql, member: { creatorId: CreatorId; id: MemberId; role: Role }, userAgent: string | null): Promise<() => Promise<TokenPair>>;
  /**
   * Gives the next pair. The token before the current one gives the current pair again for 10 s; an older one ends the sign-in.
   *
   * @throws AppError SESSION_ENDED with the same words whether the token is unknown, old, ended or expired
   */
  refresh(token: string, caller: Caller): Promise<TokenPair>;
  /** Ends one sign-in of the member. Gives whether there was one. */
  end(principal: MemberPrincipal, familyId: string, caller: Caller): Promise<boolean>;
  /** Ends all sign-ins of a member, but the one to keep, inside the caller's transaction; the result tells the nodes. */
  endAll(sql: Sql, member: { creatorId: CreatorId; memberId: MemberId }, keep: string | null): Promise<() => Promise<void>>;
  /** What the member's sign-ins may do has changed, in the caller's transaction; the result tells the nodes. */
  changed(sql: Sql, member: { creatorId: CreatorId; memberId: MemberId }): Promise<() => Promise<void>>;
  /** The password was proved again in this sign-in, inside the caller's transaction; the result tells the nodes. */
  proved(sql: Sql, principal: MemberPrincipal): Promise<() => Promise<void>>;
  /** Where the member is signed in, newest first. */
  list(creatorId: CreatorId, memberId: MemberId): Promise<Session[]>;
}

type Verdict = { kind: 'over' | 'reuse' } | { kind: 'live'; family: RefreshFamily; role: Role };

/** Sign-ins over the record. The wall clock decides; `log` hears of reuse, by id. */
export function createSessions(deps: {
  database: Database;
  tokens: Tokens;
  standing: Standing;
  seal: Seal;
  audit: Audit;
  clock: Clock;
  ids: Ids;
  log: Log;
}): Sessions {
  const { database, tokens, standing, seal, audit, clock, ids, log } = deps;

  /** The same generation gives the same two tokens, to the byte: a client may take either answer of a race. */
  async function pair(principal: MemberPrincipal, generation: number, at: number): Promise<TokenPair> {
    const [access, refresh] = await Promise.all([
      tokens.issueAccess(principal, { jti: `${principal.sid}.${generation}`, at }),
      refreshToken(seal, { familyId: principal.sid, generation }),
    ]);
    return { access_token: access, refresh_token: refresh, expires_in: accessSeconds };
  }

  /** Decides and writes in one transaction, which commits whatever the verdict: an ended family must stay ended although the request fails. */
  async function present(sql: Sql, token: RefreshToken): Promise<Verdict> {
    const family = await lockFamily(sql, token.familyId);
    const member = family && (await findMember(sql, family.memberId));
    if (family === undefined || member === undefined) return { kind: 'over' };
    const now = clock.wall();
    switch (judge(family, token.generation, now)) {
      case 'rotate':
        await rotateFamily(sql, family.id, family.generation + 1, now);
        return { kind: 'live', family: { ...family, generation: family.generation + 1, rotatedAt: now }, role: member.role };
      case 'repeat':
        return { kind: 'live', family, role: member.role };
      case 'reuse':
        await revokeFamily(sql, family.id, now, family.memberId);
        return { kind: 'reuse' };
      case 'over':
        return { kind: 'over' };
    }
  }

  return {
    async open(sql, member, userAgent) {
      const now = clock.wall();
      const id = ids.uuid();
      const expiresAt = now + absoluteMs;
      await insertFamily(sql, { creatorId: member.creatorId, id, memberId: member.id, now, expiresAt, userAgent });
      return () => pair({ kind: 'member', creatorId: member.creatorId, memberId: member.id, sid: id, role: member.role }, 0, now);
    },

    async refresh(text, caller) {
      const token = await readRefreshToken(seal, text);
      const creatorId = token && (await findFamilyCreator(database.routing, token.familyId));
      if (token === undefined || creatorId === undefined) throw over();
      const verdict = await database.tenant(creatorId, async (sql) => {
        const found = await present(sql, token);
        const outcome = found.kind === 'live' ? ({ outcome: 'done' } as const) : ({ outcome: 'refused', reason: found.kind } as const);
        await audit.within(sql, creatorId, { caller }, { action: 'session.refresh', subjectId: token.familyId, ...outcome });
        return found;
      });
      if (verdict.kind === 'reuse') {
        log.warn('session.reuse', { creator_id: creatorId, sid: token.familyId });
        await standing.changed(creatorId, [token.familyId]);
      }
      if (verdict.kind !== 'live') throw over();
      const { family, role } = verdict;
      const principal: MemberPrincipal = { kind: 'member', creatorId, memberId: family.memberId, sid: family.id, role };
      return pair(principal, family.generation, family.rotatedAt);
    },

    async end(principal, familyId, caller) {
      const { creatorId, memberId } = principal;
      const ended = await database.tenant(creatorId, async (sql) => {
        const there = await revokeFamily(sql, familyId, clock.wall(), memberId);
        if (there)
          await audit.within(sql, creatorId, { caller, principal }, { action: 'session.end', outcome: 'done', subjectId: familyId });
        return there;
      });
      if (ended) await standing.changed(creatorId, [familyId]);
      return ended;
    },

    async endAll(sql, { creatorId, memberId }, keep) {
      const ended = await revokeOtherFamilies(sql, memberId, keep, clock.wall());
      return () => standing.changed(creatorId, ended);
    },

    async changed(sql, { creatorId, memberId }) {
      const sids = await familyIds(sql, memberId);
      return () => standing.changed(creatorId, sids);
    },

    async proved(sql, { creatorId, sid }) {
      await touchAuthentication(sql, sid, clock.wall());
      return () => standing.refreshed(creatorId, sid);
    },

    list: (creatorId, memberId) => {
      const now = clock.wall();
      return database.tenant(creatorId, (sql) => listFamilies(sql, memberId, now, now - slidingMs));
    },
  };
}

function over(): AppError {
  return new AppError('SESSION_ENDED', 'Sign in again: this session has ended');
}
