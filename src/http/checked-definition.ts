/** The definition a route works with: the draft, or a published version, once it is known to hold together. */
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, ProgramId } from '../ids.ts';
import { check, hasErrors } from '../programs/check.ts';
import type { Definition } from '../programs/definition.ts';
import { getProgram, getVersion } from '../store/programs.ts';

/**
 * A draft as a definition without errors.
 *
 * @param judge how deep it is looked into: `check` at what it says, `review` at what it does too
 * @throws AppError INVALID_PROGRAM with `details.findings`
 */
export function withoutErrors(draft: unknown, judge: typeof check = check): Definition {
  const { definition, findings } = judge(draft);
  if (definition !== undefined && !hasErrors(findings)) return definition;
  throw new AppError('INVALID_PROGRAM', 'Correct the errors in this program first', { details: { findings } });
}

/** The draft of a program, or one of its versions. @throws AppError NOT_FOUND · INVALID_PROGRAM */
export async function definitionOf(
  db: Database,
  creatorId: CreatorId,
  programId: ProgramId,
  version: number | undefined,
): Promise<Definition> {
  if (version === undefined) return withoutErrors((await getProgram(db, creatorId, programId)).draft);
  return (await getVersion(db, creatorId, programId, version)).definition as Definition;
}
