/** The daily round that forgets what creators and their programs do not want kept: the text of old messages, and fields of contacts; and requests a day after they were answered. */
import { createPump, type Pump } from '../actors/pump.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import { forgetOldRequests } from '../store/idempotency-keys.ts';
import { claimRetention, forgetField, forgetMessages, retentionInForce } from '../store/retention.ts';

const dayMs = 24 * 60 * 60_000;
const creatorsAtOnce = 20;
/** Of each table. */
const rowsAtOnce = 5_000;

/** Sweeps each creator once a day. Ages count in conversation time, which is the wall's own but in a fast demo. */
export function createRetentionPump({ database, clock, log }: { database: Database; clock: Clock; log: Log }): Pump {
  async function sweep(creatorId: CreatorId): Promise<void> {
    const { message_days: messageDays, field_days: fieldDays } = await database.tenant(creatorId, retentionInForce);
    const until = (days: number) => new Date(clock.now() - days * dayMs);
    let messages = 0;
    if (messageDays !== null) {
      for (let more = true; more; ) {
        const swept = await database.tenant(creatorId, (sql) => forgetMessages(sql, until(messageDays), rowsAtOnce));
        messages += swept.messages;
        more = swept.more;
      }
    }
    let fields = 0;
    for (const [field, days] of Object.entries(fieldDays)) {
      for (let swept = rowsAtOnce; swept === rowsAtOnce; fields += swept) {
        swept = await database.tenant(creatorId, (sql) => forgetField(sql, field, until(days), rowsAtOnce));
      }
    }
    if (messages + fields > 0) log.info('retention.swept', { creator_id: creatorId, messages, fields });
  }

  async function round(): Promise<number | null> {
    const creators = await claimRetention(database.routing, clock.wall(), dayMs, creatorsAtOnce);
    for (const creatorId of creators) await sweep(creatorId);
    await forgetOldRequests(database, clock.wall());
    return creators.length < creatorsAtOnce ? null : 0;
  }

  return createPump('retention', round, { clock, log });
}
