/** The audit: one row for each outcome of signing in, each act on accounts and each refused access. */
import type { Clock } from '../clock.ts';
import type { Caller, MemberPrincipal } from '../context.ts';
import type { Database, Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Seal } from '../seal.ts';
import { type AuditEntry, appendAudit } from '../store/audit.ts';

/** Under which id stands what happened in nobody's workspace: a sign-in with an unknown address, an act of an operator. */
export const installationId = '00000000-0000-7000-8000-000000000000' as CreatorId;

/** Who did it: the caller's request, and the member where one is known. */
export type Actor = { caller: Caller; principal?: MemberPrincipal; operatorId?: string };

/** What happened, without who and whence. */
export type AuditEvent = Pick<AuditEntry, 'action' | 'outcome' | 'reason' | 'subjectId'>;

export interface Audit {
  /** Appends a row inside the caller's transaction: it stands if and only if the act stands. */
  within(sql: Sql, creatorId: CreatorId, actor: Actor, event: AuditEvent): Promise<void>;
  /** Appends a row in a transaction of its own: for what was refused. A failure is logged and hides nothing from the client. */
  note(creatorId: CreatorId, actor: Actor, event: AuditEvent): Promise<void>;
}

/** The audit over the record. Network addresses become pseudonyms under the master key: the same address gives the same one. */
export function createAudit({ database, seal, clock, log }: { database: Database; seal: Seal; clock: Clock; log: Log }): Audit {
  async function entryOf({ caller, principal, operatorId }: Actor, event: AuditEvent): Promise<AuditEntry> {
    const mac = await seal.mac('audit-address', new TextEncoder().encode(caller.address));
    return {
      ...event,
      actorKind: operatorId !== undefined ? 'operator' : principal === undefined ? 'nobody' : principal.keyId ? 'key' : 'member',
      actorId: operatorId ?? principal?.keyId ?? principal?.memberId,
      address: Buffer.from(mac.subarray(0, 9)).toString('base64url'),
      requestId: caller.requestId,
    };
  }

  return {
    async within(sql, creatorId, actor, event) {
      await appendAudit(sql, creatorId, await entryOf(actor, event), clock.wall());
    },
    async note(creatorId, actor, event) {
      try {
        const entry = await entryOf(actor, event);
        await database.tenant(creatorId, (sql) => appendAudit(sql, creatorId, entry, clock.wall()));
      } catch (error) {
        log.error('audit.failed', error, { creator_id: creatorId, action: event.action, request_id: actor.caller.requestId });
      }
    },
  };
}
