/** Addresses: how one connection reaches a person, in which conversation, and whether it may. Identities follow them. */
import type { Sql } from '../database.ts';
import type { ContactId, ConversationId, CreatorId, SessionId } from '../ids.ts';

/** Names an address. */
export interface AddressKey {
  creatorId: CreatorId;
  connectionId: string;
  externalId: string;
}

/** A known address: its conversation, the way its messages leave now, and whether some are held for the person. */
export interface HeardAddress {
  conversationId: ConversationId;
  contactId: ContactId;
  channel: string;
  connectionId: string | null;
  holds: boolean;
}

/**
 * Notes that the person was heard: the window is open anew, to the minute, and they can be reached. Undefined for somebody unknown.
 *
 * @param sql `routing`, where nothing is to happen in the same transaction
 */
export async function hearAddress(
  sql: Sql,
  key: AddressKey,
  heard: { phone: string | null; windowExpiresAt: number | null },
): Promise<HeardAddress | undefined> {
  const [row] = await sql<HeardAddress>(
    `select conversation_id as "conversationId", contact_id as "contactId", channel, connection_id as "connectionId", holds
     from hear_address($1, $2, $3, $4, $5)`,
    [key.creatorId, key.connectionId, key.externalId, heard.phone, timeOf(heard.windowExpiresAt)],
  );
  return row;
}

/** Somebody who is heard over a connection for the first time. */
export interface NewAddress extends AddressKey {
  channel: string;
  /** Names the conversation for all who begin it at once. */
  sessionId: SessionId;
  /** Used where something new is made. */
  conversationId: ConversationId;
  contactId: ContactId;
  /** What a new contact is called, and speaks. */
  name: string;
  language: string | null;
  phone: string | null;
  windowExpiresAt: number | null;
  /** Conversation time, milliseconds since 1970. */
  at: number;
}

/** Begins the conversation of one person and one connection, once, however many ask at the same time. A known identity leads to its contact. */
export async function meetAddress(routing: Sql, met: NewAddress): Promise<ConversationId> {
  const given = {
    ...{ creator: met.creatorId, connection: met.connectionId, channel: met.channel, sender: met.externalId },
    ...{ session: met.sessionId, conversation: met.conversationId, contact: met.contactId },
    ...{ name: met.name, language: met.language, phone: met.phone, window_until: timeOf(met.windowExpiresAt), at: new Date(met.at) },
  };
  const [row] = await routing<{ id: ConversationId }>('select meet_address($1::jsonb) as id', [JSON.stringify(given)]);
  return (row as { id: ConversationId }).id;
}

/** Writes down where a person is reached from now on, and by which conversation. */
export async function saveAddress(
  sql: Sql,
  key: AddressKey,
  address: { conversationId: ConversationId; phone: string | null; windowExpiresAt: number | null },
): Promise<void> {
  await sql(
    `insert into addresses as a (creator_id, connection_id, external_id, conversation_id, phone, window_expires_at)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (creator_id, connection_id, external_id) do update set conversation_id = excluded.conversation_id,
       phone = coalesce(excluded.phone, a.phone), window_expires_at = greatest(a.window_expires_at, excluded.window_expires_at),
       unreachable = null, strikes = 0, updated_at = now()`,
    [key.creatorId, key.connectionId, key.externalId, address.conversationId, address.phone, timeOf(address.windowExpiresAt)],
  );
}

/** An instant, or the infinity that stands for a window that never closes. */
function timeOf(at: number | null): Date | 'infinity' {
  return at === null ? 'infinity' : new Date(at);
}

/**
 * A person's id has changed: what was known under the former one is known under the new one. Where both are known already, the new
 * one's conversation goes on and the former identity leads to the same contact. Providers that tell both ids do so with every message:
 * where nothing is left to be changed, asking is all that is done.
 */
export async function renameAddress(sql: Sql, channel: string, key: AddressKey, formerId: string): Promise<void> {
  const { creatorId, connectionId, externalId } = key;
  const left = await sql(
    `select 1 from addresses where creator_id = $1 and connection_id = $2 and external_id = $4
     union all
     select 1 from identities i join identities b on b.creator_id = i.creator_id and b.channel = i.channel and b.external_id = $3
       where i.creator_id = $1 and i.channel = $5 and i.external_id = $4 and i.contact_id <> b.contact_id
     limit 1`,
    [creatorId, connectionId, externalId, formerId, channel],
  );
  if (left.length === 0) return;
  const rows = await sql(
    `update addresses a set external_id = $3, updated_at = now() where creator_id = $1 and connection_id = $2 and external_id = $4
       and not exists (select 1 from addresses b where b.creator_id = $1 and b.connection_id = $2 and b.external_id = $3) returning 1`,
    [creatorId, connectionId, externalId, formerId],
  );
  if (rows.length > 0) {
    await sql(
      `update identities i set external_id = $3, updated_at = now() where creator_id = $1 and channel = $2 and external_id = $4
         and not exists (select 1 from identities b where b.creator_id = $1 and b.channel = $2 and b.external_id = $3)`,
      [creatorId, channel, externalId, formerId],
    );
    return;
  }
  await sql('delete from addresses where creator_id = $1 and connection_id = $2 and external_id = $3', [creatorId, connectionId, formerId]);
  await sql(
    `update identities i set contact_id = b.contact_id, updated_at = now() from identities b
     where i.creator_id = $1 and i.channel = $2 and i.external_id = $4 and b.creator_id = $1 and b.channel = $2 and b.external_id = $3`,
    [creatorId, channel, externalId, formerId],
  );
}

/** The conversation an address speaks in; null for one that is not known. */
export async function conversationAt(sql: Sql, { creatorId, connectionId, externalId }: AddressKey): Promise<ConversationId | null> {
  const [row] = await sql<{ id: ConversationId }>(
    'select conversation_id as id from addresses where creator_id = $1 and connection_id = $2 and external_id = $3',
    [creatorId, connectionId, externalId],
  );
  return row?.id ?? null;
}

/** Joins an identity to a contact, whoever it led to before. */
export async function joinIdentity(
  sql: Sql,
  identity: { creatorId: CreatorId; channel: string; externalId: string; contactId: ContactId },
): Promise<void> {
  await sql(
    `insert into identities (creator_id, channel, external_id, contact_id) values ($1, $2, $3, $4)
     on conflict (creator_id, channel, external_id) do update set contact_id = excluded.contact_id, updated_at = now()`,
    [identity.creatorId, identity.channel, identity.externalId, identity.contactId],
  );
}

/** Where a conversation's messages leave now, and to whom; undefined for one on the widget. */
export async function addressOfConversation(
  sql: Sql,
  creatorId: CreatorId,
  conversationId: ConversationId,
): Promise<{ connectionId: string; externalId: string; phone: string | null } | undefined> {
  const [row] = await sql<{ connectionId: string; externalId: string; phone: string | null }>(
    `select a.connection_id as "connectionId", a.external_id as "externalId", a.phone from conversations c
     join addresses a on a.creator_id = c.creator_id and a.conversation_id = c.id and a.connection_id = c.connection_id
     where c.creator_id = $1 and c.id = $2 order by a.updated_at desc limit 1`,
    [creatorId, conversationId],
  );
  return row;
}

/** Lets a conversation's messages leave by another way. The version grows, so that a copy in memory is read again. */
export async function moveConversation(
  sql: Sql,
  key: { creatorId: CreatorId; conversationId: ConversationId },
  way: { channel: string; connectionId: string | null },
): Promise<void> {
  await sql(
    `update conversations set channel = $3::text, connection_id = $4::uuid, version = version + 1, updated_at = now()
     where creator_id = $1 and id = $2 and (channel, connection_id) is distinct from ($3::text, $4::uuid)`,
    [key.creatorId, key.conversationId, way.channel, way.connectionId],
  );
}

/** Notes that a person cannot be reached, until they are heard again. */
export async function markUnreachable(sql: Sql, key: AddressKey, reason: string): Promise<void> {
  await sql('update addresses set unreachable = $4, updated_at = now() where creator_id = $1 and connection_id = $2 and external_id = $3', [
    key.creatorId,
    key.connectionId,
    key.externalId,
    reason,
  ]);
}

/** Notes that a person can be reached again, without having been heard. */
export async function markReachable(sql: Sql, key: AddressKey): Promise<void> {
  await sql(
    `update addresses set unreachable = null, strikes = 0, updated_at = now()
     where creator_id = $1 and connection_id = $2 and external_id = $3`,
    [key.creatorId, key.connectionId, key.externalId],
  );
}

/** Closes the window for free text. */
export async function closeWindow(sql: Sql, key: AddressKey): Promise<void> {
  await sql(
    `update addresses set window_expires_at = '-infinity', updated_at = now()
     where creator_id = $1 and connection_id = $2 and external_id = $3`,
    [key.creatorId, key.connectionId, key.externalId],
  );
}

/** Keeps what a person made of an earlier message beside what it was; nothing where it is not in their conversation. */
export async function noteEdit(sql: Sql, key: AddressKey, messageId: string, text: string): Promise<void> {
  await sql(
    `update messages m set body = m.body || jsonb_build_object('edited', $5::text), updated_at = now() from addresses a
     where a.creator_id = $1 and a.connection_id = $2 and a.external_id = $3 and m.creator_id = a.creator_id
       and m.conversation_id = a.conversation_id and m.id = $4 and m.role = 'contact'`,
    [key.creatorId, key.connectionId, key.externalId, messageId, text],
  );
}

/** How long strikes are apart, so that one bad hour is one strike. */
const strikeEveryMs = 6 * 3_600_000;
const mostStrikes = 3;

/** Counts a refusal that may be passing; the third of its kind, hours apart, makes the person unreachable. @param wall milliseconds since 1970 */
export async function strike(sql: Sql, key: AddressKey, reason: string, wall: number): Promise<void> {
  await sql(
    `update addresses set strikes = strikes + 1, struck_at = $4, updated_at = now(),
       unreachable = case when strikes + 1 >= $5 then $6 else unreachable end
     where creator_id = $1 and connection_id = $2 and external_id = $3 and struck_at <= $7`,
    [key.creatorId, key.connectionId, key.externalId, new Date(wall), mostStrikes, reason, new Date(wall - strikeEveryMs)],
  );
}

/** Whether the person may be given a hint now: once in `everyMs`. @param wall milliseconds since 1970 */
export async function mayHint(sql: Sql, key: AddressKey, wall: number, everyMs: number): Promise<boolean> {
  const rows = await sql(
    `update addresses set hinted_at = $4 where creator_id = $1 and connection_id = $2 and external_id = $3 and hinted_at <= $5 returning 1`,
    [key.creatorId, key.connectionId, key.externalId, new Date(wall), new Date(wall - everyMs)],
  );
  return rows.length > 0;
}
