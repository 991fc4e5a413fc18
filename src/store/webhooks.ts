/** Outgoing webhooks and their deliveries on record. The database plans a delivery with what it tells of (sql/0024-webhooks.sql). */
import type { Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';

/** An endpoint with its sealed secrets. */
export interface WebhookRow {
  id: string;
  url: string;
  events: string[];
  sealed_secret: string;
  sealed_previous_secret: string | null;
  previous_until: Date | null;
  created_at: Date;
}

/** One event for one endpoint. */
export interface DeliveryRow {
  id: string;
  webhook_id: string;
  event: string;
  payload: Readonly<Record<string, unknown>>;
  status: 'planned' | 'done' | 'dead';
  attempts: number;
  result: string | null;
  created_at: Date;
  updated_at: Date;
}

const columns = 'id, url, events, sealed_secret, sealed_previous_secret, previous_until, created_at';
const deliveryColumns = 'id, webhook_id, event, payload, status, attempts, result, created_at, updated_at';

/**
 * Adds an endpoint. Asked again under its id it gives the one that is there another secret: the first was never told.
 *
 * @returns whether it is new
 * @throws AppError CONFLICT another endpoint has the id
 */
export async function insertWebhook(
  sql: Sql,
  creatorId: CreatorId,
  webhook: { id: string; url: string; events: readonly string[]; sealedSecret: string },
): Promise<boolean> {
  // A row that was there has been locked by whoever updates it: only a new one has no xmax.
  const [row] = await sql<{ isNew: boolean }>(
    `insert into webhooks as w (creator_id, id, url, events, sealed_secret) values ($1, $2, $3, $4, $5)
     on conflict (creator_id, id) do update set sealed_secret = excluded.sealed_secret, updated_at = now()
       where w.url = excluded.url and w.events = excluded.events returning xmax = 0 as "isNew"`,
    [creatorId, webhook.id, webhook.url, webhook.events, webhook.sealedSecret],
  );
  if (row === undefined) throw new AppError('CONFLICT', 'Choose another Idempotency-Key: this one was used for another endpoint');
  return row.isNew;
}

/** The endpoints of the present creator, newest first. */
export function listWebhooks(sql: Sql): Promise<WebhookRow[]> {
  return sql<WebhookRow>(`select ${columns} from webhooks order by id desc limit 200`);
}

/** An endpoint, undefined when there is none. */
export async function findWebhook(sql: Sql, id: string): Promise<WebhookRow | undefined> {
  const [row] = await sql<WebhookRow>(`select ${columns} from webhooks where id = $1`, [id]);
  return row;
}

/** Removes an endpoint with its deliveries. False when there is none. */
export async function deleteWebhook(sql: Sql, id: string): Promise<boolean> {
  return (await sql('delete from webhooks where id = $1 returning id', [id])).length > 0;
}

/**
 * Puts a new secret beside the present one, which stays good until `until`. Asked again by the same request it takes the place of the one that
 * request has put there, which was never told. False when there is no such endpoint.
 *
 * @param by names the request
 */
export async function rotateSecret(
  sql: Sql,
  id: string,
  { sealedSecret, until, by }: { sealedSecret: string; until: Date; by: string },
): Promise<boolean> {
  const rows = await sql(
    `update webhooks set sealed_previous_secret = case when secret_by = $4 then sealed_previous_secret else sealed_secret end,
       previous_until = $3, sealed_secret = $2, secret_by = $4, updated_at = now()
     where id = $1 returning id`,
    [id, sealedSecret, until, by],
  );
  return rows.length > 0;
}

/** Claims deliveries, at most `each` of one creator and none of the busy ones. @param routing `database.routing` */
export function claimDeliveries(
  routing: Sql,
  claim: { now: number; holdMs: number; each: number; most: number; busy: readonly CreatorId[] },
): Promise<{ creator_id: CreatorId; id: string }[]> {
  return routing('select creator_id, id from routing.claim_webhooks($1, make_interval(secs => $2), $3, $4, $5::uuid[])', [
    new Date(claim.now),
    claim.holdMs / 1000,
    claim.each,
    claim.most,
    claim.busy,
  ]);
}

/** A delivery that is still to be made, with its endpoint. */
export async function findPlanned(sql: Sql, id: string): Promise<{ delivery: DeliveryRow; webhook: WebhookRow } | undefined> {
  const [delivery] = await sql<DeliveryRow>(`select ${deliveryColumns} from webhook_deliveries where id = $1 and status = 'planned'`, [id]);
  const webhook = delivery && (await findWebhook(sql, delivery.webhook_id));
  return delivery && webhook && { delivery, webhook };
}

/** Notes how a try ended: for good, or to be tried again at `again`. */
export async function noteDelivery(
  sql: Sql,
  id: string,
  ended: { status: 'done' | 'dead'; result: string } | { status: 'planned'; result: string; again: Date },
): Promise<void> {
  await sql(
    'update webhook_deliveries set status = $2, result = $3, leased_until = coalesce($4, leased_until), updated_at = now() where id = $1',
    [id, ended.status, ended.result, 'again' in ended ? ended.again : null],
  );
}

/** Forgets deliveries of an endpoint that have ended and were planned before `until`. */
export async function forgetDeliveries(sql: Sql, webhookId: string, until: Date): Promise<void> {
  await sql("delete from webhook_deliveries where webhook_id = $1 and created_at < $2 and status <> 'planned'", [webhookId, until]);
}

/** Deliveries of an endpoint, newest first, those before the delivery `before`. */
export function listDeliveries(
  sql: Sql,
  webhookId: string,
  filter: { status: DeliveryRow['status'] | null; before: string | null; most: number },
): Promise<DeliveryRow[]> {
  return sql<DeliveryRow>(
    `select ${deliveryColumns} from webhook_deliveries d where webhook_id = $1 and ($2::text is null or status = $2)
       and ($3::uuid is null or (d.created_at, d.id) < (select b.created_at, b.id from webhook_deliveries b where b.id = $3))
     order by d.created_at desc, d.id desc limit $4`,
    [webhookId, filter.status, filter.before, filter.most],
  );
}

/** Has a delivery that ended made again. False when there is none of this endpoint that ended. */
export async function replayDelivery(sql: Sql, webhookId: string, id: string): Promise<boolean> {
  const rows = await sql(
    `update webhook_deliveries set status = 'planned', attempts = 0, leased_until = 'epoch', result = null, updated_at = now()
     where webhook_id = $1 and id = $2 and status <> 'planned' returning id`,
    [webhookId, id],
  );
  return rows.length > 0;
}
