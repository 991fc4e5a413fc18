/** Forgetting a contact or a whole workspace: a job that reaches every copy, repeated until nothing is left. */
import type { Audit } from '../accounts/audit.ts';
import type { Standing } from '../accounts/standing.ts';
import { createPump, type Pump } from '../actors/pump.ts';
import type { Clock } from '../clock.ts';
import type { Caller, MemberPrincipal } from '../context.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { ContactId, ConversationId, CreatorId, DocumentId, Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { suspendCreator } from '../store/creators.ts';
import { askErasure, claimErasures, type ErasureRow, endErasure, findErasure, findErasureOf, settleErasure } from '../store/erasures.ts';
import { revokeAllFamilies } from '../store/refresh-families.ts';
import { conversationsOf, deleteRows, lockConversations, tenantTables } from '../store/tenant-tables.ts';

/** What is kept elsewhere than in tables, and how to forget it. Each may be asked twice. */
export interface Elsewhere {
  /** Files and vectors of one document. */
  forgetDocument(creatorId: CreatorId, id: DocumentId): Promise<void>;
  /** The ids of the creator's documents. */
  documentsOf(creatorId: CreatorId): Promise<DocumentId[]>;
  /** Files sent in a conversation. */
  forgetMedia(creatorId: CreatorId, conversationId: ConversationId): Promise<void>;
  /** The creator's folders of files, whole, and vectors of documents that are gone already. */
  forgetFiles(creatorId: CreatorId): Promise<void>;
  /** What nodes share of the creator's contacts. */
  forgetShared(creatorId: CreatorId, whose: 'contacts' | 'workspace'): Promise<void>;
}

/** What erasing is made of. */
export interface ErasingDeps {
  database: Database;
  standing: Standing;
  audit: Audit;
  elsewhere: Elsewhere;
  clock: Clock;
  ids: Ids;
  log: Log;
}

export interface Erasing {
  /** Asks to forget a contact. Asked twice it gives the same job. @throws AppError NOT_FOUND no such contact, now or before */
  askContact(principal: MemberPrincipal, contactId: ContactId, caller: Caller): Promise<ErasureRow>;
  /** Asks to forget the workspace. Every sign-in ends and nothing runs from here on. */
  askWorkspace(principal: MemberPrincipal, caller: Caller): Promise<ErasureRow>;
  /** How far a job has come. @throws AppError NOT_FOUND */
  get(creatorId: CreatorId, id: string): Promise<ErasureRow>;
  /** To be started and stopped with the server. */
  pump: Pump;
}

const holdMs = 5 * 60_000;
/** By then a node has written what it had in hand for the shared cache when the rows went: the warm tier gathers, and a command has two seconds. */
const settleMs = 5_000;
const atOnce = 4;
/** Rows deleted by one statement, of whatever table. A contact takes its conversations and their children with it: measured, a millisecond each. */
const sliceRows = 1_000;

/** Erasing over the record, and what is kept elsewhere. */
export function createErasing(deps: ErasingDeps): Erasing {
  const { database, standing, audit, elsewhere, clock, ids, log } = deps;
  const now = () => new Date(clock.wall());

  async function askContact(principal: MemberPrincipal, contactId: ContactId, caller: Caller): Promise<ErasureRow> {
    const { creatorId } = principal;
    const job = await database.tenant(creatorId, async (sql) => {
      const before = await findErasureOf(sql, contactId);
      if (before !== undefined) return before;
      if ((await sql('select 1 from contacts where id = $1', [contactId])).length === 0) throw missing();
      await audit.within(sql, creatorId, { caller, principal }, { action: 'privacy.erase', outcome: 'done', subjectId: contactId });
      return askErasure(sql, creatorId, ids.uuid(), contactId);
    });
    pump.wake();
    return job;
  }

  async function askWorkspace(principal: MemberPrincipal, caller: Caller): Promise<ErasureRow> {
    const { creatorId } = principal;
    const { job, ended } = await database.tenant(creatorId, async (sql) => {
      await suspendCreator(sql, creatorId, now());
      await audit.within(sql, creatorId, { caller, principal }, { action: 'privacy.erase', outcome: 'done', subjectId: creatorId });
      return { job: await askErasure(sql, creatorId, ids.uuid(), null), ended: await revokeAllFamilies(sql, clock.wall()) };
    });
    await standing.changed(creatorId, ended);
    standing.close({ creator_id: creatorId, all: true });
    pump.wake();
    return job;
  }

  async function forgetContact(creatorId: CreatorId, contactId: ContactId): Promise<void> {
    const conversationIds = await database.tenant(creatorId, (sql) => conversationsOf(sql, contactId));
    for (const id of conversationIds) await elsewhere.forgetMedia(creatorId, id);
    await forgetRowsOf(creatorId, contactId, conversationIds);
    // Nodes close the sockets and let go of what they hold in memory.
    standing.close({ creator_id: creatorId, conversation_ids: conversationIds });
    await elsewhere.forgetShared(creatorId, 'contacts');
  }

  async function forgetWorkspace(creatorId: CreatorId): Promise<void> {
    for (const id of await elsewhere.documentsOf(creatorId)) await elsewhere.forgetDocument(creatorId, id);
    await elsewhere.forgetFiles(creatorId);
    await forgetAllRows(creatorId);
    standing.close({ creator_id: creatorId, all: true });
    await elsewhere.forgetShared(creatorId, 'workspace');
  }

  /** Children first, in one transaction behind the lock of turns: one that commits meanwhile either precedes it or finds no conversation. */
  function forgetRowsOf(creatorId: CreatorId, contactId: ContactId, conversationIds: readonly ConversationId[]): Promise<void> {
    return database.tenant(creatorId, async (sql) => {
      await lockConversations(sql, conversationIds);
      for (const table of await tenantTables(sql)) await deleteRows(sql, table, { contactId, conversationIds }, Number.MAX_SAFE_INTEGER);
    });
  }

  /** Slice by slice, since a statement ends after its time however much there is to delete. Nobody works there any more; what fails goes on where it was. */
  async function forgetAllRows(creatorId: CreatorId): Promise<void> {
    for (const table of await database.tenant(creatorId, tenantTables)) {
      let deleted = sliceRows;
      while (deleted === sliceRows) deleted = await database.tenant(creatorId, (sql) => deleteRows(sql, table, null, sliceRows));
    }
  }

  async function run(creatorId: CreatorId, id: string): Promise<void> {
    const job = await database.tenant(creatorId, (sql) => findErasure(sql, id));
    if (job === undefined) return;
    if (job.contact_id === null) await forgetWorkspace(creatorId);
    else await forgetContact(creatorId, job.contact_id);
    if (job.forgotten_at === null) {
      await database.tenant(creatorId, (sql) => settleErasure(sql, id, now(), new Date(clock.wall() + settleMs)));
      return;
    }
    await database.tenant(creatorId, (sql) => endErasure(sql, id, now()));
    log.info('erasure.done', { creator_id: creatorId, erasure_id: id });
  }

  async function round(): Promise<number | null> {
    const claimed = await claimErasures(database.routing, clock.wall(), holdMs, atOnce);
    for (const { creator_id: creatorId, id } of claimed) {
      // What fails stays on record and is claimed again when this claim has run out.
      await run(creatorId, id).catch((error: unknown) => log.error('erasure.failed', error, { creator_id: creatorId, erasure_id: id }));
    }
    return claimed.length === 0 ? null : settleMs;
  }

  const pump = createPump('erasures', round, { clock, log });
  return {
    askContact,
    askWorkspace,
    async get(creatorId, id) {
      const job = await database.tenant(creatorId, (sql) => findErasure(sql, id));
      if (job === undefined) throw missing();
      return job;
    },
    pump,
  };
}

function missing(): AppError {
  return new AppError('NOT_FOUND', 'Cannot find what this address names');
}
