/** Requests that came with an Idempotency-Key, and what was answered to them. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** What names a request: the key counts for one asker on one route. */
export interface RequestName {
  creatorId: CreatorId;
  route: string;
  asker: string;
  key: string;
}

/** A request that came before. While it is under way all three are null. */
export interface EarlierRequest {
  fingerprint: string | null;
  status: number | null;
  sealed_answer: string | null;
}

const dayMs = 24 * 60 * 60_000;
/** Longer than any route works, in milliseconds: what is still under way then was cut off with its process. */
const lapseMs = 2 * 60_000;
const forgottenAtOnce = 100;

/** Takes the name for the caller and gives null; or gives the request that has it. Forgets old ones on the way. */
export async function claimName(
  sql: Sql,
  { creatorId, route, asker, key }: RequestName,
  conversationId: string | null,
  now: number,
): Promise<EarlierRequest | null> {
  const [expired, lapsed] = [new Date(now - dayMs), new Date(now - lapseMs)];
  await sql(
    `delete from idempotency_keys where (creator_id, route, asker, key) in (
       select creator_id, route, asker, key from idempotency_keys where claimed_at < $1 limit $2 for update skip locked)`,
    [expired, forgottenAtOnce],
  );
  const name = [creatorId, route, asker, key];
  const claimed = await sql(
    `insert into idempotency_keys as k (creator_id, route, asker, key, conversation_id, claimed_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (creator_id, route, asker, key) do update set conversation_id = $5, claimed_at = $6, fingerprint = null, status = null,
       sealed_answer = null, updated_at = now()
     where k.claimed_at < $7 or k.status is null and k.claimed_at < $8 returning 1`,
    [...name, conversationId, new Date(now), expired, lapsed],
  );
  if (claimed.length > 0) return null;
  const [earlier] = await sql<EarlierRequest>(
    'select fingerprint, status, sealed_answer from idempotency_keys where creator_id = $1 and route = $2 and asker = $3 and key = $4',
    name,
  );
  return earlier ?? { fingerprint: null, status: null, sealed_answer: null };
}

/** Keeps what was answered to a claimed request. */
export async function keepAnswer(sql: Sql, { creatorId, route, asker, key }: RequestName, answer: EarlierRequest): Promise<void> {
  await sql(
    `update idempotency_keys set fingerprint = $5, status = $6, sealed_answer = $7, updated_at = now()
     where creator_id = $1 and route = $2 and asker = $3 and key = $4`,
    [creatorId, route, asker, key, answer.fingerprint, answer.status, answer.sealed_answer],
  );
}

/** Gives a claimed name free again. */
export async function releaseName(sql: Sql, { creatorId, route, asker, key }: RequestName): Promise<void> {
  await sql('delete from idempotency_keys where creator_id = $1 and route = $2 and asker = $3 and key = $4', [
    creatorId,
    route,
    asker,
    key,
  ]);
}
