/** Many conversations at once, written past the server: copies of one that came in through the front door. */
import type pg from 'pg';

/**
 * Copies the oldest conversation of a creator, contact, snapshot, messages and armed timer included.
 *
 * @param leadMs how long after everything else has been written every copy's timer falls due; null leaves it where it was
 * @returns when they fall due, milliseconds since 1970
 */
export async function breed(record: pg.Client, creatorId: string, count: number, leadMs: number | null): Promise<number> {
  await record.query('begin');
  // Keys of other tables need no proof here: they are copied too. Only a superuser may say so.
  await record.query('set local session_replication_role = replica');
  // Sorted by time as ours are (UUID v7), in the order in which they are written.
  const uuid = `(lpad(to_hex(${Date.now() - count} + n), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid`;
  await record.query(
    `create temporary table bred on commit drop as select ${uuid} as id, ${uuid} as contact from generate_series(1, ${count}) as n`,
  );
  await record.query(
    `create temporary table original on commit drop as
     select * from conversations where creator_id = '${creatorId}' order by created_at limit 1`,
  );
  await record.query(`insert into contacts (creator_id, id, version, progress, sends)
    select p.creator_id, b.contact, p.version, p.progress, p.sends
    from bred b, original o join contacts p on p.creator_id = o.creator_id and p.id = o.contact_id`);
  await record.query(`insert into conversations
      (creator_id, id, session_id, contact_id, channel, program_id, program_version, version, seq, snapshot, state, status)
    select creator_id, b.id, b.id, b.contact, channel, program_id, program_version, version, seq, snapshot, state, status
    from bred b, original`);
  await record.query(`insert into messages (creator_id, conversation_id, seq, id, role, class, body)
    select m.creator_id, b.id, m.seq, gen_random_uuid(), m.role, m.class, m.body
    from bred b, original o join messages m on m.creator_id = o.creator_id and m.conversation_id = o.id`);
  const dueAt = Date.now() + (leadMs ?? 0);
  await record.query(`insert into timers (creator_id, conversation_id, timer_id, generation, due_at, detail)
    select t.creator_id, b.id, t.timer_id, t.generation, ${leadMs === null ? 't.due_at' : `to_timestamp(${dueAt / 1000})`}, t.detail
    from bred b, original o join timers t on t.creator_id = o.creator_id and t.conversation_id = o.id`);
  await record.query('commit');
  await record.query('analyze contacts, conversations, messages, inputs, timers');
  return dueAt;
}
