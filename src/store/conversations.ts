/** Conversations as the edges read them: opened once per session, listed, and their messages and turns. Turns write them. */
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { ContactId, ConversationId, CreatorId, ProgramId, SessionId } from '../ids.ts';
import type { Message } from '../message.ts';
import { type ContactRow, contactColumns } from './contacts.ts';
import { decodeCursor, type Page, type PageRequest, pageOf, timePlace } from './cursor.ts';

/** A conversation without its snapshot. `state` is the state of the program as shown to members. */
export interface ConversationRow {
  id: ConversationId;
  sessionId: SessionId;
  contactId: ContactId;
  channel: string;
  programId: ProgramId | null;
  programVersion: number | null;
  version: number;
  /** The number of the last message. */
  seq: number;
  state: string | null;
  control: 'bot' | 'human' | 'paused';
  status: 'open' | 'active' | 'ended' | 'set-aside';
  outcome: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A conversation as a member opens it. `snapshot` is the record of `actors`, null before the first turn. */
export interface ConversationDetail extends ConversationRow {
  snapshot: string | null;
  /** The last message the contact has read, as far as their channel tells; 0 for none. */
  readSeq: number;
  contact: ContactRow;
  timers: readonly TimerRow[];
}

/** An armed timer. */
export interface TimerRow {
  timerId: string;
  generation: number;
  dueAt: Date;
  detail: Readonly<Record<string, unknown>>;
}

/** One input and what it did. `turn` is the version it made; `trace` says why. */
export interface TurnInputRow {
  inputId: string;
  turn: number;
  kind: string;
  payload: unknown;
  result: unknown;
  trace: unknown;
  at: Date;
}

/** Names one conversation of one creator. */
interface Key {
  creatorId: CreatorId;
  conversationId: ConversationId;
}

const columns = `c.id, c.session_id as "sessionId", c.contact_id as "contactId", c.channel, c.program_id as "programId",
  c.program_version as "programVersion", c.version, c.seq, c.state, c.control, c.status, c.outcome,
  c.created_at as "createdAt", c.updated_at as "updatedAt"`;

/**
 * Opens the conversation of a session: makes contact, identity and conversation, or gives what is there already. A known identity
 * (channel and external id) leads to its contact, so that a person who starts a second session stays one contact.
 *
 * @param opening.conversationId, opening.contactId used where something new is made
 * @param opening.at milliseconds since 1970, conversation time
 */
export async function openConversation(
  db: Database,
  opening: {
    creatorId: CreatorId;
    sessionId: SessionId;
    conversationId: ConversationId;
    contactId: ContactId;
    channel: string;
    externalId: string;
    at: number;
  },
): Promise<{ conversationId: ConversationId; contactId: ContactId; created: boolean }> {
  const { creatorId, sessionId, channel } = opening;
  const at = new Date(opening.at);
  return db.tenant(creatorId, async (sql) => {
    const known = await bySession(sql, creatorId, sessionId);
    if (known !== undefined) return { ...known, created: false };
    const contactId = await openContact(sql, opening, at);
    const added = await sql(
      `insert into conversations (creator_id, id, session_id, contact_id, channel, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $6) on conflict (creator_id, session_id) do nothing returning id`,
      [creatorId, opening.conversationId, sessionId, contactId, channel, at],
    );
    // Another node opened the same session between our look and our insert: theirs is the conversation.
    const present = await bySession(sql, creatorId, sessionId);
    if (present === undefined) throw new AppError('UNAVAILABLE', `Open session "${sessionId}" again: it changed meanwhile`);
    return { ...present, created: added.length > 0 };
  });
}

async function bySession(
  sql: Sql,
  creatorId: CreatorId,
  sessionId: SessionId,
): Promise<{ conversationId: ConversationId; contactId: ContactId } | undefined> {
  const [row] = await sql<{ conversationId: ConversationId; contactId: ContactId }>(
    'select id as "conversationId", contact_id as "contactId" from conversations where creator_id = $1 and session_id = $2',
    [creatorId, sessionId],
  );
  return row;
}

/** The contact behind an identity, made when unknown. A new contact whose identity another node added first is given up again. */
async function openContact(
  sql: Sql,
  opening: { creatorId: CreatorId; contactId: ContactId; channel: string; externalId: string },
  at: Date,
): Promise<ContactId> {
  const { creatorId, channel, externalId } = opening;
  const find = async () => {
    const [row] = await sql<{ contactId: ContactId }>(
      'select contact_id as "contactId" from identities where creator_id = $1 and channel = $2 and external_id = $3',
      [creatorId, channel, externalId],
    );
    return row?.contactId;
  };
  const known = await find();
  if (known !== undefined) return known;
  await sql('insert into contacts (creator_id, id, created_at, updated_at) values ($1, $2, $3, $3)', [creatorId, opening.contactId, at]);
  const added = await sql(
    `insert into identities (creator_id, channel, external_id, contact_id, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $5) on conflict do nothing returning contact_id`,
    [creatorId, channel, externalId, opening.contactId, at],
  );
  if (added.length > 0) return opening.contactId;
  await sql('delete from contacts where creator_id = $1 and id = $2', [creatorId, opening.contactId]);
  return (await find()) ?? opening.contactId;
}

/** @throws AppError NOT_FOUND */
export async function getConversation(db: Database, key: Key): Promise<ConversationDetail> {
  return db.tenant(key.creatorId, async (sql) => {
    const of = [key.creatorId, key.conversationId];
    const [conversation] = await sql<Omit<ConversationDetail, 'contact' | 'timers'>>(
      `select ${columns}, c.snapshot, coalesce(r.seq, 0) as "readSeq" from conversations c
       left join read_marks r on r.creator_id = c.creator_id and r.conversation_id = c.id where c.creator_id = $1 and c.id = $2`,
      of,
    );
    if (conversation === undefined) throw new AppError('NOT_FOUND', `No conversation "${key.conversationId}" in this workspace`);
    const [contact] = await sql<ContactRow>(`select ${contactColumns} from contacts c where c.creator_id = $1 and c.id = $2`, [
      key.creatorId,
      conversation.contactId,
    ]);
    const timers = await sql<TimerRow>(
      `select timer_id as "timerId", generation, due_at as "dueAt", detail from timers
       where creator_id = $1 and conversation_id = $2 order by due_at`,
      of,
    );
    return { ...conversation, contact: contact as ContactRow, timers };
  });
}

/** How far a conversation has come: the number of its last message, of the last one its contact has read, and its status. */
export interface ConversationHead {
  seq: number;
  readSeq: number;
  status: string;
  /** What the contact has earned; null for nothing yet. */
  progress: { points: number; streak: number; milestones: readonly string[] } | null;
}

/** Progress as it is stored: `{}` before anything is earned. */
type StoredProgress = Partial<{ points: number; streak: { count: number }; milestones: object }>;

/** Null when there is no such conversation. */
export async function conversationHead(db: Database, key: Key): Promise<ConversationHead | null> {
  const [row] = await db.tenant(key.creatorId, (sql) =>
    sql<Omit<ConversationHead, 'progress'> & { progress: StoredProgress }>(
      `select c.seq, c.status, coalesce(r.seq, 0) as "readSeq", p.progress from conversations c
       join contacts p on p.creator_id = c.creator_id and p.id = c.contact_id
       left join read_marks r on r.creator_id = c.creator_id and r.conversation_id = c.id where c.creator_id = $1 and c.id = $2`,
      [key.creatorId, key.conversationId],
    ),
  );
  return row === undefined ? null : { ...row, progress: earned(row.progress) };
}

function earned({ points, streak, milestones }: StoredProgress): ConversationHead['progress'] {
  return points === undefined ? null : { points, streak: streak?.count ?? 0, milestones: Object.keys(milestones ?? {}) };
}

const cursorAt = `('epoch'::timestamptz + $2::bigint * interval '1 microsecond')`;

const waitsForPerson = `c.control = 'human' and c.status in ('open', 'active') and (select m.role from messages m
  where m.creator_id = c.creator_id and m.conversation_id = c.id order by m.seq desc limit 1) is distinct from 'person'`;

/** What a list may be narrowed to. */
export interface ConversationFilter {
  state?: string | undefined;
  programId?: ProgramId | undefined;
  channel?: string | undefined;
  control?: ConversationRow['control'] | undefined;
  status?: ConversationRow['status'] | undefined;
  /** Those in a person's hand in which no person has had the last word; those that do not wait otherwise. */
  waiting?: boolean | undefined;
}

/** The creator's conversations with the contact's name, latest first. @throws AppError INVALID_INPUT for a foreign cursor */
export async function listConversations(
  db: Database,
  creatorId: CreatorId,
  page: PageRequest & ConversationFilter,
): Promise<Page<ConversationRow & { contactName: string }>> {
  type Row = ConversationRow & { contactName: string; micros: number };
  const place = decodeCursor(timePlace, page.cursor);
  const rows = await db.tenant(creatorId, (sql) =>
    sql<Row>(
      `select ${columns}, p.name as "contactName", (extract(epoch from c.updated_at) * 1000000)::bigint as micros
       from conversations c join contacts p on p.creator_id = c.creator_id and p.id = c.contact_id
       where c.creator_id = $1
         and ($2::bigint is null or c.active_hour <= date_bin('1 hour', ${cursorAt}, 'epoch')
           and (c.updated_at, c.id) < (${cursorAt}, $3::uuid))
         and ($4::text is null or c.state = $4) and ($5::uuid is null or c.program_id = $5)
         and ($6::text is null or c.channel = $6) and ($7::text is null or c.control = $7)
         and ($9::text is null or c.status = $9)
         ${page.waiting === undefined ? '' : `and ${page.waiting ? '' : 'not '}(${waitsForPerson})`}
       order by c.active_hour desc, c.updated_at desc, c.id desc limit $8`,
      [
        creatorId,
        place?.[0] ?? null,
        place?.[1] ?? null,
        page.state ?? null,
        page.programId ?? null,
        page.channel ?? null,
        page.control ?? null,
        page.limit + 1,
        page.status ?? null,
      ],
    ),
  );
  return pageOf(
    rows,
    page.limit,
    ({ micros: _, ...conversation }) => conversation,
    (row) => [row.micros, row.id],
  );
}

type MessageRow = Omit<Message, 'at'> & { at: Date };

function messageOf(row: MessageRow): Message {
  return { ...row, at: row.at.toISOString() };
}

const messageColumns = 'seq, id, role, class, body, created_at as at';

/** Messages with a greater number than `seq`, oldest first, `limit` at most. Empty for an unknown conversation. */
export async function messagesAfter(db: Database, key: Key, seq: number, limit: number): Promise<Message[]> {
  const rows = await db.tenant(key.creatorId, (sql) =>
    sql<MessageRow>(
      `select ${messageColumns} from messages where creator_id = $1 and conversation_id = $2 and seq > $3 order by seq limit $4`,
      [key.creatorId, key.conversationId, seq, limit],
    ),
  );
  return rows.map(messageOf);
}

/** The last `limit` messages with a smaller number than `seq`, oldest first. Empty for an unknown conversation. */
export async function messagesBefore(db: Database, key: Key, seq: number, limit: number): Promise<Message[]> {
  const rows = await db.tenant(key.creatorId, (sql) =>
    sql<MessageRow>(
      `select ${messageColumns} from messages where creator_id = $1 and conversation_id = $2 and seq < $3 order by seq desc limit $4`,
      [key.creatorId, key.conversationId, seq, limit],
    ),
  );
  return rows.reverse().map(messageOf);
}

/** The inputs of a conversation, newest first: `limit` at most, of turns before `beforeTurn`, without the first `skipped`. */
export function listTurns(db: Database, key: Key, beforeTurn: number, limit: number, skipped = 0): Promise<TurnInputRow[]> {
  return db.tenant(key.creatorId, (sql) =>
    sql<TurnInputRow>(
      `select input_id as "inputId", turn, kind, payload, result, trace, created_at as at from inputs
       where creator_id = $1 and conversation_id = $2 and turn < $3 order by turn desc, ordinal desc, input_id limit $4 offset $5`,
      [key.creatorId, key.conversationId, beforeTurn, limit, skipped],
    ),
  );
}

/** The conversations of contacts in which a program runs. */
export function activeConversations(
  db: Database,
  creatorId: CreatorId,
  contactIds: readonly ContactId[],
): Promise<{ id: ConversationId; contactId: ContactId }[]> {
  return db.tenant(creatorId, (sql) =>
    sql(
      `select id, contact_id as "contactId" from conversations where creator_id = $1 and contact_id = any ($2::uuid[]) and status = 'active'`,
      [creatorId, contactIds],
    ),
  );
}
