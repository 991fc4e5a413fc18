/** Programs: a draft that changes, versions that never do, and which of them is live. */
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, ProgramId } from '../ids.ts';
import { decodeCursor, idPlace, type Page, type PageRequest, pageOf } from './cursor.ts';
import { watchRetention } from './retention.ts';
import { refusing, sqlState } from './sql-state.ts';

/** A program with its draft. `draftRevision` grows by one with each change of the draft; `liveVersion` is null while none is live. */
export interface ProgramRow {
  id: ProgramId;
  slug: string;
  draft: unknown;
  draftRevision: number;
  liveVersion: number | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A published version. `hash` is the SHA-256 of its canonical definition, hexadecimal. */
export interface ProgramVersionRow {
  programId: ProgramId;
  version: number;
  hash: string;
  definition: unknown;
  createdAt: Date;
}

/** The live version of a program. */
export interface LiveProgramRow {
  programId: ProgramId;
  slug: string;
  version: number;
  hash: string;
  definition: unknown;
}

const programColumns = `id, slug, draft, draft_revision as "draftRevision", live_version as "liveVersion",
  created_at as "createdAt", updated_at as "updatedAt"`;
const versionColumns = 'program_id as "programId", version, hash, definition, created_at as "createdAt"';

function noProgram(programId: string): AppError {
  return new AppError('NOT_FOUND', `No program "${programId}" in this workspace`);
}

/**
 * Adds a program with its first draft. Asked again under its id it gives the one that is there.
 *
 * @param draft.at milliseconds since 1970
 * @throws AppError CONFLICT when another program of the creator has the slug, or the id
 */
export async function createDraft(
  db: Database,
  creatorId: CreatorId,
  draft: { id: ProgramId; slug: string; definition: unknown; at: number },
): Promise<ProgramRow> {
  const rows = await refusing(
    db.tenant(creatorId, (sql) =>
      sql<ProgramRow>(
        `insert into programs as p (creator_id, id, slug, draft, created_at, updated_at) values ($1, $2, $3, $4::json, $5, $5)
         on conflict (creator_id, id) do update set updated_at = p.updated_at where p.draft::jsonb = excluded.draft::jsonb
         returning ${programColumns}`,
        [creatorId, draft.id, draft.slug, JSON.stringify(draft.definition), new Date(draft.at)],
      ),
    ),
    sqlState.unique,
    'CONFLICT',
    `Choose another id: this workspace already has a program "${draft.slug}"`,
  );
  const [row] = rows;
  if (row === undefined) throw new AppError('CONFLICT', 'Choose another Idempotency-Key: this one was used for another draft');
  return row;
}

/** The creator's programs, newest first. @throws AppError INVALID_INPUT for a foreign cursor */
export async function listPrograms(db: Database, creatorId: CreatorId, page: PageRequest): Promise<Page<ProgramRow>> {
  const place = decodeCursor(idPlace, page.cursor);
  const rows = await db.tenant(creatorId, (sql) =>
    sql<ProgramRow>(
      `select ${programColumns} from programs where creator_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3`,
      [creatorId, place?.[0] ?? null, page.limit + 1],
    ),
  );
  return pageOf(
    rows,
    page.limit,
    (row) => row,
    (row) => [row.id],
  );
}

/** Whether a program of the creator, live or not, has this name. */
export async function isProgramName(db: Database, creatorId: CreatorId, slug: string): Promise<boolean> {
  return (
    (await db.tenant(creatorId, (sql) => sql('select 1 from programs where creator_id = $1 and slug = $2', [creatorId, slug]))).length > 0
  );
}

/** @throws AppError NOT_FOUND */
export async function getProgram(db: Database, creatorId: CreatorId, programId: ProgramId): Promise<ProgramRow> {
  const [row] = await db.tenant(creatorId, (sql) =>
    sql<ProgramRow>(`select ${programColumns} from programs where creator_id = $1 and id = $2`, [creatorId, programId]),
  );
  if (row === undefined) throw noProgram(programId);
  return row;
}

/**
 * Replaces the draft if it is still the one the caller has seen.
 *
 * @param draft.expectedRevision the `draftRevision` the change is based on
 * @throws AppError NOT_FOUND · PRECONDITION_FAILED when the draft has moved on (`details.revision` is the present one) · CONFLICT when the slug is taken
 */
export async function updateDraft(
  db: Database,
  creatorId: CreatorId,
  programId: ProgramId,
  draft: { slug: string; definition: unknown; expectedRevision: number; at: number },
): Promise<ProgramRow> {
  return refusing(
    db.tenant(creatorId, async (sql) => {
      const [row] = await sql<ProgramRow>(
        `update programs set slug = $3, draft = $4::json, draft_revision = draft_revision + 1, updated_at = $6
         where creator_id = $1 and id = $2 and draft_revision = $5 returning ${programColumns}`,
        [creatorId, programId, draft.slug, JSON.stringify(draft.definition), draft.expectedRevision, new Date(draft.at)],
      );
      if (row !== undefined) return row;
      throw hasChanged(programId, await revisionOf(sql, creatorId, programId));
    }),
    sqlState.unique,
    'CONFLICT',
    `Choose another id: this workspace already has a program "${draft.slug}"`,
  );
}

function hasChanged(programId: ProgramId, revision: number): AppError {
  return new AppError('PRECONDITION_FAILED', `Read program "${programId}" again: its draft has changed meanwhile`, {
    details: { revision },
  });
}

async function revisionOf(sql: Sql, creatorId: CreatorId, programId: ProgramId): Promise<number> {
  const [row] = await sql<{ revision: number }>(
    'select draft_revision as revision from programs where creator_id = $1 and id = $2 for update',
    [creatorId, programId],
  );
  if (row === undefined) throw noProgram(programId);
  return row.revision;
}

/**
 * Removes a program and its versions.
 *
 * @param expectedRevision the `draftRevision` it was read at
 * @throws AppError NOT_FOUND · PRECONDITION_FAILED when the draft has moved on (`details.revision` is the present one) · CONFLICT while conversations follow one of its versions
 */
export async function deleteProgram(db: Database, creatorId: CreatorId, programId: ProgramId, expectedRevision: number): Promise<void> {
  await refusing(
    db.tenant(creatorId, async (sql) => {
      const revision = await revisionOf(sql, creatorId, programId);
      if (revision !== expectedRevision) throw hasChanged(programId, revision);
      await sql('delete from programs where creator_id = $1 and id = $2', [creatorId, programId]);
    }),
    sqlState.foreignKey,
    'CONFLICT',
    `Keep program "${programId}": conversations follow it`,
  );
}

/**
 * Publishes a definition as the next version. Publishing what the newest version already holds gives that version again.
 *
 * @throws AppError NOT_FOUND
 */
export async function addVersion(
  db: Database,
  creatorId: CreatorId,
  programId: ProgramId,
  published: { definition: unknown; hash: string; at: number },
): Promise<ProgramVersionRow> {
  return db.tenant(creatorId, async (sql) => {
    // Locks the program, so that two who publish at once get two numbers.
    await revisionOf(sql, creatorId, programId);
    const [newest] = await sql<ProgramVersionRow>(
      `select ${versionColumns} from program_versions where creator_id = $1 and program_id = $2 order by version desc limit 1`,
      [creatorId, programId],
    );
    // The hash knows no order, and that of states means something.
    const isSame = newest?.hash === published.hash && JSON.stringify(newest.definition) === JSON.stringify(published.definition);
    if (newest && isSame) return newest;
    const [added] = await sql<ProgramVersionRow>(
      `insert into program_versions (creator_id, program_id, version, hash, definition, created_at, updated_at)
       values ($1, $2, $3, $4, $5::json, $6, $6) returning ${versionColumns}`,
      [creatorId, programId, (newest?.version ?? 0) + 1, published.hash, JSON.stringify(published.definition), new Date(published.at)],
    );
    return added as ProgramVersionRow;
  });
}

/** All versions of a program, newest first, without their definitions. Empty for an unknown program. */
export function listVersions(db: Database, creatorId: CreatorId, programId: ProgramId): Promise<Omit<ProgramVersionRow, 'definition'>[]> {
  return db.tenant(creatorId, (sql) =>
    sql(
      `select program_id as "programId", version, hash, created_at as "createdAt" from program_versions
       where creator_id = $1 and program_id = $2 order by version desc`,
      [creatorId, programId],
    ),
  );
}

/** @throws AppError NOT_FOUND */
export async function getVersion(db: Database, creatorId: CreatorId, programId: ProgramId, version: number): Promise<ProgramVersionRow> {
  const [row] = await db.tenant(creatorId, (sql) =>
    sql<ProgramVersionRow>(`select ${versionColumns} from program_versions where creator_id = $1 and program_id = $2 and version = $3`, [
      creatorId,
      programId,
      version,
    ]),
  );
  if (row === undefined) throw noVersion(programId, version);
  return row;
}

function noVersion(programId: string, version: number | null): AppError {
  return new AppError('NOT_FOUND', `No version ${version} of program "${programId}"`);
}

/**
 * Makes a version the one that new runs get; null takes the program offline. Conversations under way keep theirs.
 *
 * @throws AppError NOT_FOUND
 */
export async function setLive(
  db: Database,
  creatorId: CreatorId,
  programId: ProgramId,
  version: number | null,
  at: number,
): Promise<ProgramRow> {
  const [row] = await refusing(
    db.tenant(creatorId, async (sql) => {
      const rows = await sql<ProgramRow>(
        `update programs set live_version = $3, updated_at = $4 where creator_id = $1 and id = $2 returning ${programColumns}`,
        [creatorId, programId, version, new Date(at)],
      );
      await watchRetention(sql, creatorId);
      return rows;
    }),
    sqlState.foreignKey,
    'NOT_FOUND',
    noVersion(programId, version).message,
  );
  if (row === undefined) throw noProgram(programId);
  return row;
}

/** The live versions of all the creator's programs, oldest program first. */
export function livePrograms(db: Database, creatorId: CreatorId): Promise<LiveProgramRow[]> {
  return db.tenant(creatorId, (sql) =>
    sql<LiveProgramRow>(
      `select p.id as "programId", p.slug, l.version, l.hash, l.definition from programs p
       join program_versions l on l.creator_id = p.creator_id and l.program_id = p.id and l.version = p.live_version
       where p.creator_id = $1 order by p.id`,
      [creatorId],
    ),
  );
}
