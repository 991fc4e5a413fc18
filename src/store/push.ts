/** Web Push on record: the installation's key, and the browsers that may be told of a conversation's messages. */
import type { Database, Sql } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';

/** The installation's key as kept. */
export interface StoredPushKey {
  publicKey: string;
  /** Sealed for the context `push-key:<public key>`. */
  sealedPrivateJwk: string;
}

/** The installation's key; when there is none, `make` gives it. Nodes that start together agree on it. */
export function pushKeyOf(database: Database, make: () => Promise<StoredPushKey>): Promise<StoredPushKey> {
  return database.owner(async (sql) => {
    await sql("select pg_advisory_xact_lock(hashtext('push_keys'))");
    const [known] = await readKeys(sql);
    if (known !== undefined) return known;
    const made = await make();
    await sql('insert into push_keys (public_key, sealed_private_jwk) values ($1, $2)', [made.publicKey, made.sealedPrivateJwk]);
    return made;
  });
}

/** Replaces the sealed private half by what `reseal` makes of it. Gives how many. */
export async function resealPushKeys(sql: Sql, reseal: (sealed: string, publicKey: string) => Promise<string>): Promise<number> {
  const keys = await readKeys(sql);
  for (const { publicKey, sealedPrivateJwk } of keys) {
    const sealed = await reseal(sealedPrivateJwk, publicKey);
    await sql('update push_keys set sealed_private_jwk = $2, updated_at = now() where public_key = $1', [publicKey, sealed]);
  }
  return keys.length;
}

function readKeys(sql: Sql): Promise<StoredPushKey[]> {
  return sql<StoredPushKey>(
    'select public_key as "publicKey", sealed_private_jwk as "sealedPrivateJwk" from push_keys order by created_at',
  );
}

/** A subscription as kept. */
export interface StoredSubscription {
  id: string;
  endpoint: string;
  p256dh: string;
  auth: string;
  /** The last message it was told of. */
  toldSeq: number;
}

/** Names a conversation. */
interface Key {
  creatorId: CreatorId;
  conversationId: ConversationId;
}

const mostSubscriptions = 10;

/** Keeps a subscription in place of what was known of its endpoint; of many of one conversation the newest. What is said from now on is news. */
export async function saveSubscription(
  sql: Sql,
  { creatorId, conversationId }: Key,
  { id, endpoint, p256dh, auth }: Omit<StoredSubscription, 'toldSeq'>,
): Promise<void> {
  await sql(
    `insert into push_subscriptions as s (creator_id, id, conversation_id, endpoint, p256dh, auth, told_seq)
     select c.creator_id, $3, c.id, $4, $5, $6, c.seq from conversations c where c.creator_id = $1 and c.id = $2
     on conflict (creator_id, endpoint) do update set conversation_id = excluded.conversation_id, p256dh = excluded.p256dh,
       auth = excluded.auth, updated_at = now(),
       told_seq = case when s.conversation_id = excluded.conversation_id then s.told_seq else excluded.told_seq end`,
    [creatorId, conversationId, id, endpoint, p256dh, auth],
  );
  await sql(
    `delete from push_subscriptions where creator_id = $1 and conversation_id = $2 and id not in (
       select id from push_subscriptions where creator_id = $1 and conversation_id = $2 order by updated_at desc, id desc limit $3)`,
    [creatorId, conversationId, mostSubscriptions],
  );
  await noteWish(sql, { creatorId, conversationId });
}

/** Forgets a subscription by its endpoint. */
export async function forgetSubscription(sql: Sql, creatorId: CreatorId, endpoint: string): Promise<void> {
  const [gone] = await sql<{ conversationId: ConversationId }>(
    'delete from push_subscriptions where creator_id = $1 and endpoint = $2 returning conversation_id as "conversationId"',
    [creatorId, endpoint],
  );
  if (gone !== undefined) await noteWish(sql, { creatorId, ...gone });
}

/** Turns plan a push only where somebody listens. The version grows, so that a copy in memory is read again. */
async function noteWish(sql: Sql, { creatorId, conversationId }: Key): Promise<void> {
  await sql(
    `update conversations c set wants_push = not c.wants_push, version = c.version + 1, updated_at = now()
     where c.creator_id = $1 and c.id = $2 and c.wants_push is distinct from exists (
       select from push_subscriptions s where s.creator_id = c.creator_id and s.conversation_id = c.id)`,
    [creatorId, conversationId],
  );
}

/** What a push needs to know: how far the person has read, and the browsers that do not know of the message yet. */
export async function loadPush(
  sql: Sql,
  { creatorId, conversationId }: Key,
  seq: number,
): Promise<{ readSeq: number; subscriptions: StoredSubscription[] }> {
  const [mark] = await sql<{ seq: number }>('select seq from read_marks where creator_id = $1 and conversation_id = $2', [
    creatorId,
    conversationId,
  ]);
  const subscriptions = await sql<StoredSubscription>(
    `select id, endpoint, p256dh, auth, told_seq as "toldSeq" from push_subscriptions
     where creator_id = $1 and conversation_id = $2 and told_seq < $3 order by id`,
    [creatorId, conversationId, seq],
  );
  return { readSeq: mark?.seq ?? 0, subscriptions };
}

/** Notes that a browser has been told of a message. */
export async function noteTold(sql: Sql, creatorId: CreatorId, id: string, seq: number): Promise<void> {
  await sql('update push_subscriptions set told_seq = greatest(told_seq, $3), updated_at = now() where creator_id = $1 and id = $2', [
    creatorId,
    id,
    seq,
  ]);
}
