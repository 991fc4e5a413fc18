/** Migrations of programs: which version leads to which, who follows what, and the snapshots kept from before. */
import type { Database } from '../database.ts';
import type { ConversationId, CreatorId, ProgramId } from '../ids.ts';

/** Runs of one version are to go over to another. */
export interface ProgramMigrationRow {
  programId: ProgramId;
  fromVersion: number;
  toVersion: number;
  policy: 'next-quiet-state' | 'move';
  createdAt: Date;
}

/** People in one state of one version, and where those came from who have not moved since they went over to it; `snapshots` are some of theirs. */
export interface PeopleRow {
  version: number;
  state: string | null;
  people: number;
  snapshots: readonly (string | null)[];
  leftVersion: number | null;
  leftState: string | null;
}

const columns = 'program_id as "programId", from_version as "fromVersion", to_version as "toVersion", policy, created_at as "createdAt"';

/** People whose run of a program is under way, by version and state. */
export function peopleByState(db: Database, creatorId: CreatorId, programId: ProgramId): Promise<PeopleRow[]> {
  return db.tenant(creatorId, (sql) =>
    sql<PeopleRow>(
      `select c.program_version as version, c.state, k.program_version as "leftVersion", k.state as "leftState",
         count(*)::integer as people, (array_agg(c.snapshot order by c.updated_at desc))[1:5] as snapshots
       from conversations c left join lateral (
         select l.program_version, l.state, l.landed from kept_snapshots l
         where l.creator_id = c.creator_id and l.conversation_id = c.id and l.program_id = c.program_id order by l.version desc limit 1
       ) k on k.landed = c.state
       where c.creator_id = $1 and c.program_id = $2 and c.status = 'active'
       group by c.program_version, c.state, k.program_version, k.state order by c.program_version, c.state, k.state`,
      [creatorId, programId],
    ),
  );
}

/** Snapshots in which a run of a program waits for a sub-program, 500 at a time in the order of their conversations, those after `after`. */
export function snapshotsWaiting(
  db: Database,
  creatorId: CreatorId,
  programId: ProgramId,
  after: ConversationId | null,
): Promise<{ id: ConversationId; snapshot: string }[]> {
  return db.tenant(creatorId, (sql) =>
    sql(
      `select id, snapshot from conversations where creator_id = $1 and status = 'active' and ($2::uuid is null or id > $2)
         and snapshot like '%"callers":[{%' and position($3 in snapshot) > 0 order by id limit 500`,
      [creatorId, after, programId],
    ),
  );
}

/**
 * Sends runs of some versions over to another; what stood in the way (that version's own way on) is taken back.
 *
 * @param at milliseconds since 1970
 */
export async function addMigrations(
  db: Database,
  creatorId: CreatorId,
  programId: ProgramId,
  toVersion: number,
  from: readonly { version: number; policy: ProgramMigrationRow['policy'] }[],
  at: number,
): Promise<void> {
  await db.tenant(creatorId, async (sql) => {
    await sql('delete from program_migrations where creator_id = $1 and program_id = $2 and from_version = $3', [
      creatorId,
      programId,
      toVersion,
    ]);
    for (const { version, policy } of from) {
      await sql(
        `insert into program_migrations (creator_id, program_id, from_version, to_version, policy, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6)
         on conflict (creator_id, program_id, from_version) do update
           set to_version = excluded.to_version, policy = excluded.policy, updated_at = excluded.updated_at`,
        [creatorId, programId, version, toVersion, policy, new Date(at)],
      );
    }
  });
}

/** Every migration of the creator's programs that is in force. */
export function listMigrations(db: Database, creatorId: CreatorId): Promise<ProgramMigrationRow[]> {
  return db.tenant(creatorId, (sql) =>
    sql<ProgramMigrationRow>(`select ${columns} from program_migrations where creator_id = $1 order by program_id, from_version`, [
      creatorId,
    ]),
  );
}

/** Conversations whose run of a version is under way, in the order of their ids. */
export async function followersOf(
  db: Database,
  creatorId: CreatorId,
  ref: { id: ProgramId; version: number },
  after: ConversationId | null,
  most: number,
): Promise<ConversationId[]> {
  const rows = await db.tenant(creatorId, (sql) =>
    sql<{ id: ConversationId }>(
      `select id from conversations where creator_id = $1 and program_id = $2 and program_version = $3 and status = 'active'
         and ($4::uuid is null or id > $4) order by id limit $5`,
      [creatorId, ref.id, ref.version, after, most],
    ),
  );
  return rows.map(({ id }) => id);
}
