/** Broadcasts: who is in the group and when each is reached, and the pump that turns each recipient into one input. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import { instantOf, isZone } from '../programs/schedule.ts';
import {
  claimRecipients,
  concludeRecipient,
  type DueRecipient,
  nextRecipient,
  type Recipient,
  reachableContacts,
  readRecipient,
} from '../store/broadcasts.ts';
import { contactFilter } from './find-contacts.ts';
import { readContact } from './hydrate.ts';
import type { BroadcastContent, Input, Mailboxes } from './input.ts';
import { passes } from './insist.ts';
import type { Programs } from './live-programs.ts';
import { createPump, type Pump } from './pump.ts';

/** What every recipient gets: words by language, or an event for the program they are in. */
export type BroadcastAct = { content: BroadcastContent } | { event: string; data: Readonly<Record<string, unknown>> };

/** A broadcast reaches so many contacts at most. */
const mostRecipients = 100_000;
/** So many recipients of one broadcast share a second, so that no group comes all at once. */
const perSecond = 20;

/**
 * Who a broadcast would reach and when, spread over time where they are many, those of the earliest moment first.
 *
 * @param at `2026-11-24T09:00` in each contact's zone, or an instant with an offset
 * @throws AppError INVALID_INPUT the filter cannot be read, or lets more than 100,000 through
 */
export async function recipientsOf(
  { db, programs, clock }: { db: Database; programs: Programs; clock: Clock },
  creatorId: CreatorId,
  filter: string,
  at: string | null,
): Promise<readonly Recipient[]> {
  const now = clock.now();
  const lets = await contactFilter({ programs, clock }, creatorId, filter);
  const found: Recipient[] = [];
  for (let after: string | null = null; ; ) {
    const page = await reachableContacts(db, creatorId, after);
    for (const { contact, conversationId } of page) {
      const known = readContact(contact);
      if (lets(known)) found.push({ contactId: known.id, conversationId, dueAt: new Date(Math.max(now, momentOf(at, known.zone, now))) });
    }
    if (found.length > mostRecipients) throw new AppError('INVALID_INPUT', `Narrow the filter: more than ${mostRecipients} contacts pass`);
    after = page.at(-1)?.contact.id ?? null;
    if (page.length < 500) break;
  }
  found.sort((left, right) => left.dueAt.getTime() - right.dueAt.getTime());
  return found.map((one, index) => ({ ...one, dueAt: new Date(one.dueAt.getTime() + Math.floor(index / perSecond) * 1000) }));
}

function momentOf(at: string | null, zone: string | null, now: number): number {
  if (at === null) return now;
  if (/(?:Z|[+-]\d{2}:\d{2})$/.test(at)) return Date.parse(at);
  return instantOf(at.slice(0, 10), at.slice(11, 16), zone !== null && isZone(zone) ? zone : 'UTC');
}

const claimMs = 30_000;
const mostAtOnce = 100;
const eachAtOnce = 20;
const mostTries = 5;

/** The pump of this process. */
export function createBroadcastPump(parts: { db: Database; clock: Clock; log: Log; mailboxes: Mailboxes }): Pump {
  const { db, clock, log, mailboxes } = parts;

  async function reach(due: DueRecipient): Promise<void> {
    const planned = await readRecipient(db, due);
    if (!planned) return;
    const key = { creatorId: due.creator_id, conversationId: planned.conversationId };
    try {
      await mailboxes.deliver(key, inputOf(due.broadcast_id, planned.message as BroadcastAct));
      await concludeRecipient(db, due, 'taken');
    } catch (error) {
      log.error('broadcast.undelivered', error, { creator_id: due.creator_id, broadcast_id: due.broadcast_id });
      if (planned.attempts >= mostTries && !passes(error)) await concludeRecipient(db, due, 'failed');
    }
  }

  async function round(goesOn: () => boolean): Promise<number | null> {
    while (goesOn()) {
      const due = await claimRecipients(db, clock.now(), clock.wall(), claimMs, eachAtOnce, mostAtOnce);
      await Promise.all(due.map(reach));
      if (due.length === 0) break;
    }
    const next = await nextRecipient(db, clock.wall());
    return next === null ? null : clock.wallUntil(next);
  }

  return createPump('broadcasts', round, { clock, log });
}

/** The same id however often it is tried: a conversation takes a broadcast once. */
function inputOf(broadcastId: string, act: BroadcastAct): Input {
  const id = `broadcast:${broadcastId}`;
  if ('event' in act) return { id, kind: 'event', name: act.event, data: act.data };
  return { id, kind: 'broadcast', broadcast: broadcastId, content: act.content };
}
