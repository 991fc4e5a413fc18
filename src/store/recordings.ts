/** What happened to the people who follow a program, as a replay needs it. */
import type { Database } from '../database.ts';
import type { CreatorId, ProgramId } from '../ids.ts';

/** A conversation with its inputs, oldest first; `at` is ISO 8601, `as` what an input was taken as. */
export interface RecordedRow {
  conversationId: string;
  version: number;
  channel: string;
  name: string;
  zone: string | null;
  language: string | null;
  inputs: readonly { kind: string; payload: unknown; at: string; as: string | null }[];
}

/** Inputs of one conversation that are looked at: its last ones. */
const mostInputs = 500;

/** The conversations that follow a program and were active last, newest first, with their inputs but those of timers and effects. */
export function recordedInputs(db: Database, creatorId: CreatorId, programId: ProgramId, most: number): Promise<RecordedRow[]> {
  return db.tenant(creatorId, (sql) =>
    sql<RecordedRow>(
      // What was spoken is on record as it was heard.
      `select c.id as "conversationId", c.program_version as version, c.channel, p.name, p.zone, p.language,
         coalesce((select jsonb_agg(jsonb_build_object('kind', i.kind, 'payload', i.payload || case when i.kind = 'message' and i.trace ->> 'as' = 'listening'
             then coalesce((select jsonb_build_object('text', m.body -> 'text') from messages m where m.creator_id = c.creator_id
               and m.conversation_id = c.id and m.seq = (i.result ->> 'seq')::bigint), '{}') else '{}' end, 'at', i.created_at, 'as', i.trace ->> 'as')
                                    order by i.turn, i.created_at, (i.result ->> 'seq')::bigint)
           from (select * from inputs l where l.creator_id = c.creator_id and l.conversation_id = c.id
                   and l.kind in ('message', 'button', 'event', 'control', 'start') order by l.turn desc limit $4) i), '[]') as inputs
       from (select * from conversations where creator_id = $1 and program_id = $2 order by updated_at desc limit $3) c
       join contacts p on p.creator_id = c.creator_id and p.id = c.contact_id`,
      [creatorId, programId, most, mostInputs],
    ),
  );
}
