/** The record of turns: group commit, hydration, and the claims of timers and effects. See sql/0005-turns.sql. */
import type { Database } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';
import type { MessageRole } from '../message.ts';

/** One turn as `commit_turns` takes it: snake case, JSON throughout, instants as ISO 8601. Absent parts write nothing. */
export interface TurnRow {
  creator: string;
  conversation: string;
  at: string;
  expected: number;
  contact_id: string;
  contact_expected: number;
  contact?: ContactRow;
  seq: number;
  program_id: string | null;
  program_version: number | null;
  snapshot: string;
  state: string | null;
  control: string;
  status: string;
  outcome: string | null;
  inputs: readonly { id: string; kind: string; payload: unknown; result: unknown; trace: unknown }[];
  messages?: readonly { seq: number; id: string; role: MessageRole; class: string; body: unknown; at: string }[];
  timers_set?: readonly { id: string; generation: number; due_at: string; detail: unknown }[];
  timers_cleared?: readonly string[];
  effects?: readonly { id: string; type: string; lane: string; ordinal: number; params: unknown; not_before?: string }[];
  effects_ended?: readonly { id: string; status: string; result: unknown }[];
  awards?: readonly { id: string; kind: string; points: number; name: string }[];
}

/** What of a contact a turn may write. */
export interface ContactRow {
  name: string;
  zone: string | null;
  language: string | null;
  fields: unknown;
  tags: readonly string[];
  consent: unknown;
  progress: unknown;
  sends: unknown;
}

/** What became of a turn. `known` maps input ids that were there before to their first results. */
export type TurnOutcome =
  | { outcome: 'committed'; known: null }
  | { outcome: 'conflict'; known: null }
  | { outcome: 'duplicate'; known: Readonly<Record<string, unknown>> };

/** Parts what is given as one text; JSON text never contains it. */
const recordSeparator = '\u001e';

/**
 * Commits turns together, each all or nothing, outcomes in the order given. The turns of one creator share their statements.
 *
 * @param turns of two of one conversation the first wins; where one changes its contact, others of that contact and creator see the change
 * on their next try
 */
export async function commitTurns(db: Database, turns: readonly TurnRow[]): Promise<TurnOutcome[]> {
  const outcomes: TurnOutcome[] = turns.map(() => ({ outcome: 'conflict', known: null }));
  const order = placesApart(turns);
  const sorted = order.map((index) => turns[index] as TurnRow);
  const others = await db.routing<TurnOutcome & { turn: number }>(
    'select turn, outcome, known from commit_turns($1::jsonb, $2, $3::text::uuid[], $4::text::bigint[], $5::text::bigint[], $6::text::timestamptz[])',
    [
      JSON.stringify(batchOf(sorted)),
      sorted.map((turn) => turn.snapshot).join(recordSeparator),
      arrayText(sorted.map((turn) => turn.conversation)),
      arrayText(sorted.map((turn) => turn.expected)),
      arrayText(sorted.map((turn) => turn.contact_expected)),
      arrayText(sorted.map((turn) => turn.at)),
    ],
  );
  for (const index of order) outcomes[index] = { outcome: 'committed', known: null };
  for (const { turn, ...outcome } of others) outcomes[order[turn - 1] as number] = outcome;
  return outcomes;
}

/**
 * The places of the turns that can be committed together, in the one order in which all batches lock, with the turns of a creator beside
 * each other.
 */
function placesApart(turns: readonly TurnRow[]): number[] {
  const order = [...turns.keys()].sort((a, b) => compare(turns[a] as TurnRow, turns[b] as TurnRow));
  const changed = new Set<string>();
  let last = '';
  return order.filter((index) => {
    const { creator, conversation, contact_id: contactId, contact } = turns[index] as TurnRow;
    if (last === creator + conversation || changed.has(contactId)) return false;
    last = creator + conversation;
    if (contact) changed.add(contactId);
    return true;
  });
}

/** An array as PostgreSQL reads it, of what needs no quotes there: the driver would look for them in each. */
const arrayText = (plain: readonly (string | number)[]) => `{${plain.join(',')}}`;

const compare = (a: TurnRow, b: TurnRow) =>
  a.creator === b.creator ? byText(a.conversation, b.conversation) : byText(a.creator, b.creator);
const byText = (a: string, b: string) => (a < b ? -1 : Number(a > b));

/** All turns of one creator as `commit_turns` takes them: each part a flat list, each row with the place of its turn, from 1. */
interface CreatorBatch {
  creator: string;
  turns: object[];
  [part: string]: string | object[];
}

function batchOf(turns: readonly TurnRow[]): CreatorBatch[] {
  const batches: CreatorBatch[] = [];
  for (const [index, turn] of turns.entries()) {
    let batch = batches.at(-1);
    if (batch?.creator !== turn.creator) {
      batch = { creator: turn.creator, turns: [] };
      batches.push(batch);
    }
    addTurn(batch, index + 1, turn);
  }
  return batches;
}

function addTurn(batch: CreatorBatch, turn: number, row: TurnRow): void {
  // What all rows of a turn share goes beside the batch, and so does the snapshot. Keys are named one by one: a rest or a spread costs
  // more than the rest of this.
  batch.turns.push({
    turn,
    seq: row.seq,
    program_id: row.program_id,
    program_version: row.program_version,
    state: row.state,
    control: row.control,
    status: row.status,
    outcome: row.outcome,
  });
  const add = (part: string, rows: readonly object[]) => {
    (batch[part] as object[] | undefined)?.push(...rows);
    batch[part] ??= rows as object[];
  };
  add(
    'inputs',
    row.inputs.map(({ id, kind, payload, result, trace }, index) => ({
      turn,
      ordinal: index || undefined,
      id,
      kind,
      payload,
      result,
      trace,
    })),
  );
  if (row.messages) {
    const { at: now } = row;
    const own = row.messages.map(({ seq, id, role, class: kind, body, at }) => ({
      turn,
      seq,
      id,
      role,
      class: kind,
      body,
      at: at === now ? undefined : at,
    }));
    add('messages', own);
  }
  for (const part of ['timers_set', 'effects_ended', 'effects', 'awards'] as const) {
    const rows = row[part];
    if (rows?.length)
      add(
        part,
        rows.map((one) => ({ turn, ...one })),
      );
  }
  if (row.contact) add('contacts', [{ turn, ...row.contact }]);
  if (row.timers_cleared?.length)
    add(
      'timers_cleared',
      row.timers_cleared.map((id) => ({ turn, id })),
    );
}

/** A conversation row and its contact's, as PostgreSQL writes rows in JSON. */
export interface LoadedRow {
  conversation: {
    creator_id: string;
    id: string;
    session_id: string;
    contact_id: string;
    channel: string;
    /** Missing in what a node of an earlier release left in the cache. */
    wants_push?: boolean;
    program_id: string | null;
    program_version: number | null;
    version: number;
    seq: number;
    snapshot: string | null;
    state: string | null;
    status: 'open' | 'active' | 'ended' | 'set-aside';
    outcome: string | null;
  };
  contact: ContactRow & { id: string; version: number };
}

/** Reads conversations with their contacts; those that do not exist for their creator are missing from the result. */
export function loadConversations(
  db: Database,
  keys: readonly { creatorId: CreatorId; conversationId: ConversationId }[],
): Promise<LoadedRow[]> {
  return db.routing<LoadedRow>('select conversation, contact from hydrate_conversations($1::uuid[], $2::uuid[])', [
    keys.map((key) => key.creatorId),
    keys.map((key) => key.conversationId),
  ]);
}

/** A timer that fell due. */
export interface DueTimer {
  creator_id: CreatorId;
  conversation_id: ConversationId;
  timer_id: string;
  generation: number;
  due_at: Date;
}

/** Claims timers due at conversation time `now` for `holdMs` of wall time, none of the creators that are `rested`; times in milliseconds since 1970. */
export function claimTimers(
  db: Database,
  { now, wall, holdMs, most, rested }: { now: number; wall: number; holdMs: number; most: number; rested: readonly CreatorId[] },
): Promise<DueTimer[]> {
  return db.routing<DueTimer>('select * from routing.claim_timers($1, $2, make_interval(secs => $3), $4, $5::uuid[])', [
    new Date(now),
    new Date(wall),
    holdMs / 1000,
    most,
    rested,
  ]);
}

/** When the next unclaimed timer falls due (conversation time, milliseconds since 1970); null when none is armed. */
export async function nextTimer(db: Database, wall: number): Promise<number | null> {
  const [row] = await db.routing<{ due: Date | null }>('select routing.next_timer($1) as due', [new Date(wall)]);
  return row?.due?.getTime() ?? null;
}

/** Where a claimed effect is to be found. */
export interface ClaimedEffect {
  creator_id: CreatorId;
  conversation_id: ConversationId;
  id: string;
}

/** Claims at most `most` effects that may run, for `holdMs` of wall time, none of the creators that are `rested`. */
export function claimEffects(
  db: Database,
  { wall, holdMs, most, rested }: { wall: number; holdMs: number; most: number; rested: readonly CreatorId[] },
): Promise<ClaimedEffect[]> {
  return db.routing<ClaimedEffect>('select * from routing.claim_effects($1, make_interval(secs => $2), $3, $4::uuid[])', [
    new Date(wall),
    holdMs / 1000,
    most,
    rested,
  ]);
}

/** When the next planned effect may be claimed (wall time, milliseconds since 1970); null when none is planned. */
export async function nextEffect(db: Database): Promise<number | null> {
  const [row] = await db.routing<{ at: Date | null }>('select routing.next_effect() as at');
  return row?.at ? row.at.getTime() : null;
}

/** An effect to run, with what it needs. */
export interface PlannedEffect {
  type: string;
  params: unknown;
  attempts: number;
}

/** Reads an effect that is still planned; undefined when it has ended. */
export async function readEffect(db: Database, key: ClaimedEffect): Promise<PlannedEffect | undefined> {
  const [row] = await db.tenant(key.creator_id, (sql) =>
    sql<PlannedEffect>(`select type, params, attempts from effects where creator_id = $1 and id = $2 and status = 'planned'`, [
      key.creator_id,
      key.id,
    ]),
  );
  return row;
}

/** Extends the lease of the try `attempts` of an effect. False when the effect has ended or is on another try. */
export async function extendLease(db: Database, key: ClaimedEffect, attempts: number, until: number): Promise<boolean> {
  const rows = await db.tenant(key.creator_id, (sql) =>
    sql(
      `update effects set leased_until = $4, updated_at = now()
       where creator_id = $1 and id = $2 and attempts = $3 and status = 'planned' and leased_until < 'infinity' returning id`,
      [key.creator_id, key.id, attempts, new Date(until)],
    ),
  );
  return rows.length > 0;
}

/**
 * Gives an effect back for another try not before `notBefore` (wall time, milliseconds since 1970); does nothing when it has ended, is set aside
 * or is on another try than `attempts`, which somebody else is at.
 */
export async function postponeEffect(db: Database, key: ClaimedEffect, attempts: number, notBefore: number): Promise<void> {
  await db.tenant(key.creator_id, (sql) =>
    sql(
      `update effects set leased_until = 'epoch', not_before = $4, updated_at = now()
       where creator_id = $1 and id = $2 and attempts = $3 and status = 'planned' and leased_until < 'infinity'`,
      [key.creator_id, key.id, attempts, new Date(notBefore)],
    ),
  );
}

/** Sets a conversation aside: its data stays as it is, its timers and effects wait until it is taken up again. Copies of it elsewhere are old from then on. */
export async function setAside(db: Database, key: { creatorId: CreatorId; conversationId: ConversationId }): Promise<void> {
  await db.tenant(key.creatorId, async (sql) => {
    const of = [key.creatorId, key.conversationId];
    await sql(
      `update conversations set status_before = case status when 'set-aside' then status_before else status end, status = 'set-aside',
         version = version + 1, updated_at = now() where creator_id = $1 and id = $2`,
      of,
    );
    await sql(`update timers set claimed_until = 'infinity' where creator_id = $1 and conversation_id = $2`, of);
    await sql(`update effects set leased_until = 'infinity' where creator_id = $1 and conversation_id = $2 and status = 'planned'`, of);
  });
}

/** Takes up a conversation that was set aside, as it was then, for another try. False when it is not set aside, or not there. */
export async function takeUp(db: Database, key: { creatorId: CreatorId; conversationId: ConversationId }): Promise<boolean> {
  return db.tenant(key.creatorId, async (sql) => {
    const of = [key.creatorId, key.conversationId];
    const rows = await sql(
      `update conversations set status = coalesce(status_before, case when program_id is null then 'open' else 'active' end),
         status_before = null, updated_at = now()
       where creator_id = $1 and id = $2 and status = 'set-aside' returning id`,
      of,
    );
    await sql(
      `update timers set claimed_until = 'epoch' where creator_id = $1 and conversation_id = $2 and claimed_until = 'infinity'`,
      of,
    );
    await sql(`update effects set leased_until = 'epoch' where creator_id = $1 and conversation_id = $2 and leased_until = 'infinity'`, of);
    return rows.length > 0;
  });
}

/** An input that is in quarantine, as it came; undefined when there is none of this id, or another try than `retryId` has given it to the program. */
export async function quarantinedInput(
  db: Database,
  key: { creatorId: CreatorId; conversationId: ConversationId },
  inputId: string,
  retryId: string,
): Promise<{ kind: string; payload: Readonly<Record<string, unknown>> } | undefined> {
  const [row] = await db.tenant(key.creatorId, (sql) =>
    sql<{ kind: string; payload: Readonly<Record<string, unknown>> }>(
      `select kind, payload from inputs i where creator_id = $1 and conversation_id = $2 and input_id = $3 and trace ? 'error'
         and not exists (select from inputs r where r.creator_id = $1 and r.conversation_id = $2 and r.input_id <> $4
           and r.input_id like 'retry:%' and right(r.input_id, length($3) + 1) = ':' || $3
           and not r.trace ? 'error' and r.trace ->> 'as' <> 'recorded')`,
      [key.creatorId, key.conversationId, inputId, retryId],
    ),
  );
  return row;
}
