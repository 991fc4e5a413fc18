/** The pump of outgoing webhooks: takes up deliveries from their rows, tries each up to eight times, and gives up in the open. */
import { createPump, type Pump } from '../actors/pump.ts';
import type { Database } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import { claimDeliveries, findPlanned, forgetDeliveries, noteDelivery } from '../store/webhooks.ts';
import { type DeliverDeps, deliverOnce, type Outcome } from './deliver.ts';

const second = 1_000;
const minute = 60 * second;
/** How long to wait after each failed try; after the last the delivery is dead. */
const waitsMs = [5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, 120 * minute, 360 * minute] as const;
/** Longer than a try may take. */
const holdMs = 60 * second;
/** How long what was told can be looked up and told again: it holds what people wrote. */
const keptMs = 30 * 24 * 60 * minute;
/** Deliveries of one creator at the same time. */
const eachAtOnce = 4;
const allAtOnce = 64;

/** @param deps.random at least 0, below 1: spreads tries, so that what failed together does not return together */
export function createWebhookPump(deps: DeliverDeps & { database: Database; log: Log; random: () => number }): Pump {
  const { database, clock, log, random } = deps;
  const running = new Map<CreatorId, Promise<void>>();

  async function attempt(creatorId: CreatorId, id: string): Promise<void> {
    const planned = await database.tenant(creatorId, (sql) => findPlanned(sql, id));
    if (planned === undefined) return;
    const { delivery, webhook } = planned;
    const result = await deliverOnce(deps, webhook, delivery);
    await database.tenant(creatorId, async (sql) => {
      await noteDelivery(sql, id, judge(result, delivery.attempts));
      await forgetDeliveries(sql, webhook.id, new Date(clock.wall() - keptMs));
    });
    if (result !== 'ok') log.warn('webhook.failed', { creator_id: creatorId, delivery_id: id, attempts: delivery.attempts, result });
  }

  function judge(result: Outcome, attempts: number): Parameters<typeof noteDelivery>[2] {
    if (result === 'ok') return { status: 'done', result };
    const wait = waitsMs[attempts - 1];
    if (wait === undefined) return { status: 'dead', result };
    return { status: 'planned', result, again: new Date(clock.wall() + wait * (0.75 + random() / 2)) };
  }

  function run(creatorId: CreatorId, ids: readonly string[]): void {
    const attempts = ids.map((id) =>
      attempt(creatorId, id).catch((error: unknown) => log.error('webhook.unnoted', error, { creator_id: creatorId, delivery_id: id })),
    );
    const ended = Promise.all(attempts).then(() => {
      running.delete(creatorId);
      pump.wake();
    });
    running.set(creatorId, ended);
  }

  async function round(): Promise<number | null> {
    const claim = { now: clock.wall(), holdMs, each: eachAtOnce, most: allAtOnce, busy: [...running.keys()] };
    const claimed = await claimDeliveries(database.routing, claim);
    for (const [creatorId, rows] of Map.groupBy(claimed, (row) => row.creator_id))
      run(
        creatorId,
        rows.map(({ id }) => id),
      );
    return null;
  }

  const pump = createPump('webhooks', round, { clock, log });
  return {
    ...pump,
    async stop() {
      await pump.stop();
      await Promise.all(running.values());
    },
  };
}
