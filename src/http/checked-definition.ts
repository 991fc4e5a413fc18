/** The definition a route works with: the draft, or a published version, once it is known to hold together, and what it stands among. */
import type { Checked } from '../actors/calculation-worker.ts';
import type { Calculations } from '../actors/calculations.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, ProgramId } from '../ids.ts';
import { hasErrors } from '../programs/check.ts';
import { type Around, reachablePrograms } from '../programs/check-surroundings.ts';
import type { Definition } from '../programs/definition.ts';
import { listProgramSecrets } from '../store/program-secrets.ts';
import { getProgram, getVersion, livePrograms } from '../store/programs.ts';

/** What definitions are read from and looked at with. */
export interface DefinitionDeps {
  database: Database;
  calculations: Calculations;
}

/** A definition that was found free of errors. @throws AppError INVALID_PROGRAM with `details.findings` */
export function withoutErrors({ definition, findings }: Checked): Definition {
  if (definition !== undefined && !hasErrors(findings)) return definition;
  throw new AppError('INVALID_PROGRAM', 'Correct the errors in this program first', { details: { findings } });
}

/** The draft of a program, or one of its versions. @throws AppError NOT_FOUND · INVALID_PROGRAM · OVERLOADED · UNAVAILABLE */
export async function definitionOf(
  { database, calculations }: DefinitionDeps,
  creatorId: CreatorId,
  programId: ProgramId,
  version?: number,
): Promise<Definition> {
  if (version !== undefined) return (await getVersion(database, creatorId, programId, version)).definition as Definition;
  const { draft } = await getProgram(database, creatorId, programId);
  return withoutErrors(await calculations.run({ kind: 'check', json: draft }));
}

/** The live programs that a definition may come to start. */
export async function othersOf(db: Database, creatorId: CreatorId, definition: Definition): Promise<readonly Definition[]> {
  const rows = await livePrograms(db, creatorId);
  return reachablePrograms(
    definition,
    rows.map((row) => row.definition as Definition),
  );
}

/** A draft looked at to the end, among what else the creator has. @throws AppError OVERLOADED · UNAVAILABLE it takes longer than ten seconds */
export async function reviewDraft({ database: db, calculations }: DefinitionDeps, creatorId: CreatorId, draft: unknown): Promise<Checked> {
  const [rows, secrets] = await Promise.all([livePrograms(db, creatorId), db.tenant(creatorId, listProgramSecrets)]);
  const live = rows.map((row) => row.definition as Definition);
  const read = await calculations.run({ kind: 'check', json: draft });
  if (!read.definition || hasErrors(read.findings)) return read;
  const around: Around = { others: reachablePrograms(read.definition, live), secrets: secrets.map(({ name }) => name) };
  return calculations.run({ kind: 'review', json: draft, around });
}
