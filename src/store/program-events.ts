/** What programs tell the creator's webhooks. See sql/0024-webhooks.sql. */
import type { Database } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** Plans a delivery of an event to each webhook that hears of it. */
export async function tellWebhooks(db: Database, creatorId: CreatorId, event: string, payload: object): Promise<void> {
  await db.tenant(creatorId, (sql) => sql('select tell_webhooks($1, $2, $3::jsonb)', [creatorId, event, JSON.stringify(payload)]));
}
