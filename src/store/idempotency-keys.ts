/** Requests that came with an Idempotency-Key, and what was answered to them. */
import type { Database, Sql } from '../database.ts';
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

/** A claimed name, and the id that its request has had since it was first tried. */
export interface Claim {
  requestId: string;
}

const dayMs = 24 * 60 * 60_000;
/** Longer than any route works, in milliseconds: what is still under way then was cut off with its process. */
const lapseMs = 2 * 60_000;
const forgottenAtOnce = 500;
const creatorsAtOnce = 20;

/**
 * Takes the name for the caller, or gives the request that has it.
 *
 * @param requestId names the request unless it was tried before, within a day, and cut off
 * @param now wall milliseconds since 1970
 */
export async function claimName(
  sql: Sql,
  { creatorId, route, asker, key }: RequestName,
  { requestId, conversationId }: Claim & { conversationId: string | null },
  now: number,
): Promise<Claim | EarlierRequest> {
  const [expired, lapsed] = [new Date(now - dayMs), new Date(now - lapseMs)];
  const name = [creatorId, route, asker, key];
  const [claimed] = await sql<Claim>(
    `insert into idempotency_keys as k (creator_id, route, asker, key, conversation_id, claimed_at, request_id)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (creator_id, route, asker, key) do update set conversation_id = $5, claimed_at = $6, fingerprint = null, status = null,
       sealed_answer = null, request_id = case when k.claimed_at < $8 then $7 else coalesce(k.request_id, $7) end, updated_at = now()
     where k.claimed_at < $8 or k.status is null and k.claimed_at < $9 returning request_id as "requestId"`,
    [...name, conversationId, new Date(now), requestId, expired, lapsed],
  );
  if (claimed !== undefined) return claimed;
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

/** Gives the name of a request free again that may have done what it was to do: another try goes by the same id. @param now wall milliseconds since 1970 */
export async function lapseName(sql: Sql, { creatorId, route, asker, key }: RequestName, now: number): Promise<void> {
  await sql(
    `update idempotency_keys set claimed_at = $5, updated_at = now()
     where creator_id = $1 and route = $2 and asker = $3 and key = $4 and status is null`,
    [creatorId, route, asker, key, new Date(now - lapseMs - 1)],
  );
}

/** Gives the name of a request free again that has done nothing. */
export async function releaseName(sql: Sql, { creatorId, route, asker, key }: RequestName): Promise<void> {
  await sql('delete from idempotency_keys where creator_id = $1 and route = $2 and asker = $3 and key = $4', [
    creatorId,
    route,
    asker,
    key,
  ]);
}

/** Forgets requests of all creators that were asked more than a day ago, 500 at a time of each. @param now wall milliseconds since 1970 */
export async function forgetOldRequests(db: Database, now: number): Promise<void> {
  const expired = new Date(now - dayMs);
  const creators = await db.routing<{ creator_id: CreatorId }>('select creator_id from routing.creators_with_old_keys($1, $2)', [
    expired,
    creatorsAtOnce,
  ]);
  for (const { creator_id: creatorId } of creators) {
    await db.tenant(creatorId, (sql) =>
      sql(
        `delete from idempotency_keys where (creator_id, route, asker, key) in (
           select creator_id, route, asker, key from idempotency_keys where claimed_at < $1 limit $2 for update skip locked)`,
        [expired, forgottenAtOnce],
      ),
    );
  }
}
