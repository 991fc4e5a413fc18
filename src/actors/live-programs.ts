/** The programs that conversations need, compiled once and kept: those live for new runs, and the versions that runs are pinned to. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import { compile } from '../programs/compile.ts';
import { migrationBetween } from '../programs/landing.ts';
import type { Program } from '../programs/program.ts';
import { type FanOut, programsTopic } from '../shared/fan-out.ts';
import { listMigrations, type ProgramMigrationRow } from '../store/migrations.ts';
import { getVersion, livePrograms } from '../store/programs.ts';
import type { Conversation, LiveProgram } from './conversation.ts';
import { programKey } from './draft.ts';
import type { Move } from './migrate.ts';
import type { WaitingRun } from './snapshot.ts';

/** Compiled programs by creator and version. */
export interface Programs {
  /** The creator's live programs. At most five seconds old, at once after news of a change. @throws AppError UNAVAILABLE */
  live(creatorId: CreatorId): Promise<readonly LiveProgram[]>;
  /** Every program that a turn of this conversation may need. @throws AppError INVALID_PROGRAM what it follows is not there or cannot be read · UNAVAILABLE */
  around(conversation: Conversation): Promise<ProgramsAround>;
}

/** The programs around a conversation. Versions never change; what is live and where runs go over to is as fresh as `live()`. */
export interface ProgramsAround {
  /** What it is pinned to, null where nothing has run. */
  current: Program | null;
  live: readonly LiveProgram[];
  /** The version its run is to go over to. */
  move: Move | null;
  /** Those of runs that wait for a sub-program, by `programKey`; one that was removed is missing. */
  waiting: ReadonlyMap<string, Program>;
}

/** What is known of a creator's programs. */
interface Known {
  live: readonly LiveProgram[];
  migrations: readonly ProgramMigrationRow[];
}

const freshMs = 5_000;
/** A compiled program takes about 35 kB. */
const mostPrograms = 1_000;
const mostCreators = 10_000;

/**
 * Programs read from the record, told of changes by the fan-out.
 *
 * @param parts.forgets whether nothing is kept, so that each turn reads and compiles anew: for suites that look for what only caches hold
 */
export function createPrograms(parts: { db: Database; fanOut: FanOut; clock: Clock; log: Log; forgets?: boolean }): Programs {
  const { db, fanOut, clock, log, forgets = false } = parts;
  const compiled = new Map<string, Program>();
  const lists = new Map<CreatorId, { at: number; list: Promise<Known> }>();
  /** Ends the hearing of changes, by creator: one for each that was asked about, kept through failures. */
  const heard = new Map<CreatorId, () => void>();

  function compiledOnce(key: string, definition: Program['definition']): Program {
    const known = compiled.get(key);
    if (known) return known;
    const program = compile(definition);
    if (forgets) return program;
    if (compiled.size >= mostPrograms) compiled.delete(compiled.keys().next().value ?? '');
    compiled.set(key, program);
    return program;
  }

  async function read(creatorId: CreatorId): Promise<Known> {
    const [rows, migrations] = await Promise.all([livePrograms(db, creatorId), listMigrations(db, creatorId)]);
    const live = rows.flatMap(({ programId: id, version, definition }) => {
      const program = compiledIfKnown(creatorId, `${id}:${version}`, definition as Program['definition']);
      return program ? [{ id, version, program }] : [];
    });
    return { live, migrations };
  }

  /** Null for a program that this release cannot read, one of a newer release: the creator's others go on. */
  function compiledIfKnown(creatorId: CreatorId, key: string, definition: Program['definition']): Program | null {
    try {
      return compiledOnce(key, definition);
    } catch (error) {
      log.error('program.unreadable', error, { creator_id: creatorId, program: key });
      return null;
    }
  }

  async function watch(creatorId: CreatorId): Promise<void> {
    if (heard.has(creatorId)) return;
    heard.set(creatorId, () => undefined);
    try {
      heard.set(creatorId, await fanOut.subscribe(programsTopic(creatorId), () => lists.delete(creatorId)));
    } catch (error) {
      heard.delete(creatorId);
      throw error;
    }
  }

  function forget(creatorId: CreatorId): void {
    lists.delete(creatorId);
    heard.get(creatorId)?.();
    heard.delete(creatorId);
  }

  function known(creatorId: CreatorId): Promise<Known> {
    if (forgets) return read(creatorId);
    const before = lists.get(creatorId);
    if (before && clock.wall() - before.at < freshMs) return before.list;
    const list = before ? read(creatorId) : watch(creatorId).then(() => read(creatorId));
    if (lists.size >= mostCreators) forget(lists.keys().next().value as CreatorId);
    lists.set(creatorId, { at: clock.wall(), list });
    list.catch(() => lists.delete(creatorId));
    return list;
  }

  async function pinned(creatorId: CreatorId, ref: NonNullable<Conversation['program']>): Promise<Program> {
    const before = compiled.get(`${ref.id}:${ref.version}`);
    if (before) return before;
    const version = await getVersion(db, creatorId, ref.id, ref.version);
    try {
      return compiledOnce(`${ref.id}:${ref.version}`, version.definition as Program['definition']);
    } catch (cause) {
      throw new AppError('INVALID_PROGRAM', `Cannot read version ${ref.version} of program "${ref.id}"`, { cause });
    }
  }

  async function waiting(creatorId: CreatorId, runs: readonly WaitingRun[]): Promise<ReadonlyMap<string, Program>> {
    const found = new Map<string, Program>();
    for (const { program } of runs) {
      const known = await pinned(creatorId, program).catch(orGone);
      if (known) found.set(programKey(program), known);
    }
    return found;
  }

  async function moveAlong(creatorId: CreatorId, current: Program, row: ProgramMigrationRow): Promise<Move> {
    const program = await pinned(creatorId, { id: row.programId, version: row.toVersion });
    const from = { version: row.fromVersion, definition: current.definition };
    const migration = migrationBetween(from, { version: row.toVersion, definition: program.definition });
    return { version: row.toVersion, program, migration, policy: row.policy };
  }

  return {
    live: async (creatorId) => (await known(creatorId)).live,
    async around({ creatorId, program: ref, snapshot: { callers } }) {
      const { live, migrations } = await known(creatorId);
      if (ref === null) return { current: null, live, move: null, waiting: none };
      const current = compiled.get(`${ref.id}:${ref.version}`) ?? (await pinned(creatorId, ref).catch(orUnknown));
      const row = migrations.find((one) => one.programId === ref.id && one.fromVersion === ref.version);
      return {
        current,
        live,
        move: row ? await moveAlong(creatorId, current, row).catch(orUnreadable) : null,
        waiting: callers && callers.length > 0 ? await waiting(creatorId, callers) : none,
      };
    },
  };
}

const none: ReadonlyMap<string, Program> = new Map();

/** Null for a program that is not there any more. */
function orGone(error: unknown): null {
  if (error instanceof AppError && error.code === 'NOT_FOUND') return null;
  throw error;
}

/** A conversation that follows what is not there is damaged. */
function orUnknown(error: unknown): never {
  if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
  throw new AppError('INVALID_PROGRAM', 'Cannot find the program that the conversation follows', { cause: error });
}

/** Nobody goes over to a version that this release cannot read. */
function orUnreadable(error: unknown): null {
  if (error instanceof AppError && error.code === 'INVALID_PROGRAM') return null;
  throw error;
}
