/** How long a creator keeps what, and forgetting what is older. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** Days until something is forgotten; null and absent fields are kept. */
export interface Retention {
  message_days: number | null;
  field_days: Readonly<Record<string, number>>;
}

/** What the present creator has chosen; everything is kept where nothing was. */
export async function readRetention(sql: Sql): Promise<Retention> {
  const [row] = await sql<Retention>('select message_days, field_days from retention');
  return row ?? { message_days: null, field_days: {} };
}

/** What is in force: what the creator has chosen and what live programs say of their fields, whichever is shorter. */
export async function retentionInForce(sql: Sql): Promise<Retention> {
  const chosen = await readRetention(sql);
  const declared = await sql<{ field: string; days: number }>(
    `select f.key as field, min(ceil(extract(epoch from (f.value ->> 'retention')::interval) / 86400))::integer as days
     from programs p join program_versions l on l.creator_id = p.creator_id and l.program_id = p.id and l.version = p.live_version,
       json_each(l.definition -> 'fields') f
     where f.value ->> 'retention' is not null group by f.key`,
  );
  const days = declared.map((row): [string, number] => [row.field, Math.min(row.days, chosen.field_days[row.field] ?? row.days)]);
  return { ...chosen, field_days: { ...chosen.field_days, ...Object.fromEntries(days) } };
}

/** Has the daily round look at a creator whose live programs say how long fields are kept. */
export async function watchRetention(sql: Sql, creatorId: CreatorId): Promise<void> {
  await sql(
    `insert into retention (creator_id) select $1 where exists (
       select from programs p join program_versions l on l.creator_id = p.creator_id and l.program_id = p.id and l.version = p.live_version
       where jsonb_path_exists(l.definition::jsonb, '$.fields.*.retention')) on conflict do nothing`,
    [creatorId],
  );
}

/** Chooses, and has the next round look at once. */
export async function saveRetention(sql: Sql, creatorId: CreatorId, { message_days, field_days }: Retention): Promise<void> {
  await sql(
    `insert into retention (creator_id, message_days, field_days) values ($1, $2, $3)
     on conflict (creator_id) do update set message_days = $2, field_days = $3, swept_at = 'epoch', updated_at = now()`,
    [creatorId, message_days, JSON.stringify(field_days)],
  );
}

/** Claims creators that were not swept for `pauseMs`. @param routing `database.routing` */
export async function claimRetention(routing: Sql, now: number, pauseMs: number, most: number): Promise<CreatorId[]> {
  const rows = await routing<{ creator_id: CreatorId }>(
    'select creator_id from routing.claim_retention($1, make_interval(secs => $2), $3)',
    [new Date(now), pauseMs / 1000, most],
  );
  return rows.map((row) => row.creator_id);
}

/** What is forgotten of messages, table by table: which rows of those made before $1, and how. */
const forgotten: readonly { table: string; where: string; how: string }[] = [
  { table: 'messages', where: `body <> '{"text": ""}'`, how: `update messages set body = '{"text": ""}', updated_at = now()` },
  {
    table: 'inputs',
    where: `(payload <> '{}' or trace - 'progress' <> '{}')`,
    // What was earned stays: progress is counted from it whenever its rules change.
    how: `update inputs set payload = '{}', trace = jsonb_strip_nulls(jsonb_build_object('progress', trace -> 'progress')), updated_at = now()`,
  },
  {
    table: 'effects',
    where: `status <> 'planned' and params <> '{}'`,
    how: `update effects set params = '{}', result = null, updated_at = now()`,
  },
  {
    table: 'answer_records',
    where: `conversation_id is not null and (question <> '' or answer <> '')`,
    how: `update answer_records set question = '', answer = '', passages = '[]', updated_at = now()`,
  },
  { table: 'webhook_deliveries', where: `status <> 'planned' and payload ? 'conversation_id'`, how: 'delete from webhook_deliveries' },
];

/**
 * Blanks messages written before `until`, with what their turns, effects, answers and told webhooks noted of them: their place in the conversation
 * stays. At most `most` rows of each table, since a statement ends after its time. Gives how many messages, and whether more may be left.
 */
export async function forgetMessages(sql: Sql, until: Date, most: number): Promise<{ messages: number; more: boolean }> {
  const counts: number[] = [];
  for (const { table, where, how } of forgotten) {
    // Asked twice: somebody else may have changed the row that was chosen.
    const chosen = `select ctid from ${table} where created_at < $1 and ${where} limit $2`;
    const rows = await sql(`${how} where ctid = any (array(${chosen})) and ${where} returning 1`, [until, most]);
    counts.push(rows.length);
  }
  return { messages: counts[0] ?? 0, more: counts.includes(most) };
}

/**
 * Removes a field from contacts where it has not changed since `until`, from at most `most` of them. Gives from how many. The contact's version
 * grows, so a turn under way runs again.
 */
export async function forgetField(sql: Sql, field: string, until: Date, most: number): Promise<number> {
  // Asked twice: a turn may have changed the field of a contact that was chosen.
  const isOld = 'fields ? $1 and coalesce((field_times ->> $1)::timestamptz, created_at) < $2';
  const rows = await sql(
    `update contacts set fields = fields - $1, version = version + 1, updated_at = now()
     where ctid = any (array(select ctid from contacts where ${isOld} limit $3)) and ${isOld} returning 1`,
    [field, until, most],
  );
  return rows.length;
}
