/** Web Push: tells browsers whose page is closed that a message waits, and never what it says. */
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import type { Log } from '../../log.ts';
import type { Push, PushRequest } from '../../push.ts';
import { forgetSubscription, loadPush, noteTold, type StoredSubscription } from '../../store/push.ts';
import type { Presence } from '../presence.ts';
import type { Fetch } from '../provider-call.ts';
import { stableUuid } from '../stable-id.ts';
import { drawPushChance, type PushKey, pushAuthorization, sealPush } from './seal.ts';

/** What pushes need. */
export interface PushDeps {
  db: Database;
  clock: Clock;
  log: Log;
  presence: Presence;
  key: PushKey;
  /** Refuses addresses that are not public. */
  fetch: Fetch;
  /** An https or mailto address at which the operator of a push service finds us. */
  contact: string;
}

/** How long somebody who has the widget open is given to read. */
const readingMs = 60_000;
const mostTries = 6;
const retryMs = 5_000;
const mostMs = 10_000;
/** News older than this is none. */
const ttlSeconds = 86_400;

type Told = 'told' | 'gone' | 'later';

/** Pushes of this process. */
export function createPush({ db, clock, log, presence, key, fetch, contact }: PushDeps): Push {
  async function post(request: PushRequest, subscription: StoredSubscription, signal: AbortSignal): Promise<number | null> {
    const { creatorId, conversationId, seq } = request;
    const news = JSON.stringify({ type: 'message', creator_id: creatorId, conversation_id: conversationId, seq });
    const headers = {
      Authorization: await pushAuthorization(key, subscription.endpoint, contact, clock.wall()),
      'Content-Encoding': 'aes128gcm',
      'Content-Type': 'application/octet-stream',
      TTL: String(ttlSeconds),
      Urgency: 'normal',
      // 32 characters at most (RFC 8030 §5.4): a newer push replaces one of the same conversation that has not arrived.
      Topic: stableUuid('push', conversationId).replaceAll('-', ''),
    };
    const body = await sealPush(news, subscription, await drawPushChance());
    const within = AbortSignal.any([signal, AbortSignal.timeout(mostMs)]);
    try {
      const response = await fetch(subscription.endpoint, { method: 'POST', headers, body, redirect: 'error', signal: within });
      await response.body?.cancel();
      return response.status;
    } catch {
      signal.throwIfAborted();
      // The address may say who somebody is; why it cannot be reached is the same to us in every case.
      return null;
    }
  }

  async function tellOne(request: PushRequest, subscription: StoredSubscription, signal: AbortSignal): Promise<Told> {
    const status = await post(request, subscription, signal);
    const told = judge(status);
    if (told === 'told') await db.tenant(request.creatorId, (sql) => noteTold(sql, request.creatorId, subscription.id, request.seq));
    if (told === 'gone') await db.tenant(request.creatorId, (sql) => forgetSubscription(sql, request.creatorId, subscription.endpoint));
    if (told !== 'told')
      log.info('push.not_taken', { creator_id: request.creatorId, subscription_id: subscription.id, status: status ?? 'no answer' });
    return told;
  }

  return {
    async tell(request, signal) {
      const { creatorId, seq, attempts } = request;
      const { readSeq, subscriptions } = await db.tenant(creatorId, (sql) => loadPush(sql, request, seq));
      if (readSeq >= seq || subscriptions.length === 0) return { outcome: 'read' };
      if (attempts === 1 && (await presence.isThere(request))) return { outcome: 'retry', afterMs: readingMs };
      const told = await Promise.all(subscriptions.map((subscription) => tellOne(request, subscription, signal)));
      if (!told.includes('later')) return { outcome: 'sent' };
      return attempts < mostTries ? { outcome: 'retry', afterMs: retryMs * 2 ** attempts } : { outcome: 'failed' };
    },
  };
}

/** What an answer of a push service means. 404 and 410: the subscription is over; 400, 401 and 403: it was made with another key. */
function judge(status: number | null): Told {
  if (status === null || status === 429 || status >= 500) return 'later';
  if (status < 300 || status === 413) return 'told';
  return 'gone';
}
