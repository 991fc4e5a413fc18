/** Migrations of a program's followers: what would become of whom, and the turn that each of them gets for it. */
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { ConversationId, CreatorId, Ids, ProgramId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Definition } from '../programs/definition.ts';
import { landingOf, migrationBetween, missingVariables } from '../programs/landing.ts';
import type { Json } from '../programs/scope.ts';
import { followersOf, type PeopleRow, peopleByState, snapshotsWaiting } from '../store/migrations.ts';
import { getVersion } from '../store/programs.ts';
import type { Mailboxes } from './input.ts';
import { emptySnapshot, encodeSnapshot, readableSnapshot } from './snapshot.ts';

/** People in one state, and what a migration makes of them. */
export interface Group {
  version: number;
  state: string | null;
  people: number;
  /** `already-there`, by policy `left-behind`, back to exactly where they came from (`restored`), or as they land. */
  how: 'already-there' | 'left-behind' | 'restored' | 'stays' | 'enters' | 'stranded';
  /** The state they will be in; null where they are not moved. */
  lands: string | null;
  policy: 'stay' | 'next-quiet-state' | 'move';
  /** Their runs wait for a sub-program and go over once that has ended. */
  waiting: boolean;
  /** Variables that begin without a value. */
  missing: readonly string[];
}

interface Version {
  version: number;
  definition: Definition;
}

/** Everybody whose run of a program is under way, and where each would land in a version. @throws AppError NOT_FOUND */
export async function planMigration(db: Database, creatorId: CreatorId, programId: ProgramId, toVersion: number): Promise<Group[]> {
  const to = await readVersion(db, creatorId, programId, toVersion);
  const inFront = (await peopleByState(db, creatorId, programId)).map((row) => ({ ...row, waiting: false }));
  const rows = [...inFront, ...(await peopleWaiting(db, creatorId, programId))];
  const sources = new Map<number, Version>();
  for (const version of new Set(rows.map((row) => row.version))) {
    sources.set(version, await readVersion(db, creatorId, programId, version));
  }
  return rows.map((row) => {
    const { version, state, people, waiting } = row;
    return { version, state, people, waiting, ...groupLanding(sources.get(version) as Version, to, row) };
  });
}

/** People whose run of a program waits for a sub-program, by version and state. */
async function peopleWaiting(db: Database, creatorId: CreatorId, programId: ProgramId): Promise<(PeopleRow & { waiting: true })[]> {
  const groups = new Map<string, PeopleRow & { waiting: true }>();
  for (let after: ConversationId | null = null; ; ) {
    const page = await snapshotsWaiting(db, creatorId, programId, after);
    for (const { program, state, machine } of page.flatMap(({ snapshot }) => readableSnapshot(snapshot)?.callers ?? [])) {
      if (program.id !== programId) continue;
      const name = `${program.version} ${state}`;
      const people = (groups.get(name)?.people ?? 0) + 1;
      const snapshots = [encodeSnapshot({ ...emptySnapshot, machine })];
      groups.set(name, { version: program.version, state, people, snapshots, leftVersion: null, leftState: null, waiting: true });
    }
    after = page.at(-1)?.id ?? null;
    if (page.length < 500) return [...groups.values()];
  }
}

async function readVersion(db: Database, creatorId: CreatorId, programId: ProgramId, version: number): Promise<Version> {
  const row = await getVersion(db, creatorId, programId, version);
  return { version, definition: row.definition as Definition };
}

function groupLanding(
  from: Version,
  to: Version,
  { state, snapshots, leftVersion, leftState }: PeopleRow,
): Omit<Group, 'version' | 'state' | 'people' | 'waiting'> {
  const migration = migrationBetween(from, to);
  const policy = migration.policy ?? 'next-quiet-state';
  const missing = missingVariables(to.definition, from.definition, migration);
  const landed = (how: Group['how'], lands: string | null) => ({ how, lands, policy, missing });
  if (from.version === to.version) return { ...landed('already-there', state), missing: [] };
  if (policy === 'stay') return landed('left-behind', null);
  if (leftVersion === to.version) return landed('restored', leftState);
  const region = regionOf(snapshots);
  // What cannot be read goes nowhere: it is set aside with its next turn.
  if (region === null) return landed('left-behind', null);
  const landing = landingOf(to.definition, migration.states ?? {}, region);
  if (landing.how === 'stays') return landed('stays', state);
  return landing.how === 'enters' ? landed('enters', landing.path.join('.')) : { ...landed('stranded', null), missing: landing.missing };
}

/** The state value of the program's own region, from the first that can be read; null where none can. */
function regionOf(snapshots: PeopleRow['snapshots']): Json | null {
  const snapshot = snapshots.map(readableSnapshot).find((found) => found !== null);
  const value = snapshot?.machine?.value as Readonly<Record<string, Json>> | undefined;
  return snapshot ? (value?.program ?? '') : null;
}

/** Whether people of a group go over. */
export function isMoving({ how }: Group): boolean {
  return how === 'restored' || how === 'stays' || how === 'enters';
}

/** Versions that are to go over, with their policy. @throws AppError CONFLICT when somebody would have nowhere to land */
export function versionsToMove(groups: readonly Group[]): { version: number; policy: 'next-quiet-state' | 'move' }[] {
  const stranded = groups.filter(({ how }) => how === 'stranded');
  if (stranded.length > 0) {
    throw new AppError('CONFLICT', 'Say where the people go whose state is gone: add it to "states" of the migration', {
      details: { stranded: stranded.map(({ version, state, people }) => ({ version, state, people })) },
    });
  }
  const moving = groups.filter(isMoving);
  const policies = new Map(moving.map(({ version, policy }) => [version, policy as 'next-quiet-state' | 'move']));
  return [...policies].map(([version, policy]) => ({ version, policy }));
}

/** How many wait for their turn at a time, so that a migration does not crowd out the people who write. */
const atOnce = 20;

/** What a sweep needs. */
export interface SweepParts {
  db: Database;
  mailboxes: Mailboxes;
  ids: Ids;
  log: Log;
}

/**
 * Gives everybody who follows these versions a turn in which they go over. Nothing hangs on its being finished: whoever it does not
 * reach goes over with their next turn. Resolves with how many had theirs; rejects only when the record cannot be read.
 */
export async function sweep(
  { db, mailboxes, ids, log }: SweepParts,
  creatorId: CreatorId,
  programId: ProgramId,
  versions: readonly number[],
): Promise<number> {
  let reached = 0;
  for (const version of versions) {
    let last: ConversationId | null = null;
    for (;;) {
      const followers: ConversationId[] = await followersOf(db, creatorId, { id: programId, version }, last, atOnce);
      if (followers.length === 0) break;
      const turns = followers.map((conversationId) =>
        mailboxes.deliver({ creatorId, conversationId }, { id: `migrate:${ids.uuid()}`, kind: 'migrate' }),
      );
      const results = await Promise.allSettled(turns);
      reached += results.filter(({ status }) => status === 'fulfilled').length;
      for (const result of results)
        if (result.status === 'rejected') log.warn('migration.unreached', { creator_id: creatorId, program_id: programId });
      last = followers.at(-1) ?? null;
    }
  }
  return reached;
}
