/** One try of one delivery: a signed call whose answer is read a little, told to nobody, and judged by one of few words. */
import type { Clock } from '../clock.ts';
import { NotPublicError, type PublicFetch } from '../public-fetch.ts';
import { readBounded } from '../read-bounded.ts';
import type { Seal } from '../seal.ts';
import type { DeliveryRow, WebhookRow } from '../store/webhooks.ts';
import { signedHeaders } from './signature.ts';

/** How a try ended, as creators may know it. */
export type Outcome = 'ok' | 'status' | 'redirect' | 'timeout' | 'unreachable' | 'not-public';

/** What trying needs. */
export interface DeliverDeps {
  fetch: PublicFetch;
  seal: Seal;
  clock: Clock;
  /** Until the answer has begun and ended, in milliseconds. */
  patienceMs: number;
}

/** An answer longer than this is cut off. */
const mostAnswerBytes = 64 * 1024;

/** Calls the endpoint once. Never rejects. */
export async function deliverOnce(deps: DeliverDeps, webhook: WebhookRow, delivery: DeliveryRow): Promise<Outcome> {
  const { fetch, seal, clock, patienceMs } = deps;
  const late = AbortSignal.timeout(patienceMs);
  try {
    const secrets = await secretsOf(seal, webhook, clock.wall());
    const body = JSON.stringify({ id: delivery.id, event: delivery.event, created_at: delivery.created_at, data: delivery.payload });
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'Companero-Webhooks/1',
      ...signedHeaders(secrets, delivery.id, clock.wall(), body),
    };
    const response = await fetch(webhook.url, { method: 'POST', headers, body, signal: late });
    // An endpoint may finish a short answer; on a long one we hang up.
    await readBounded(response, mostAnswerBytes);
    if (response.ok) return 'ok';
    return response.status >= 300 && response.status < 400 ? 'redirect' : 'status';
  } catch (error) {
    if (late.aborted) return 'timeout';
    const cause = error instanceof TypeError ? error.cause : error;
    return cause instanceof NotPublicError ? 'not-public' : 'unreachable';
  }
}

async function secretsOf(
  seal: Seal,
  { id, sealed_secret, sealed_previous_secret, previous_until }: WebhookRow,
  now: number,
): Promise<string[]> {
  const sealed = [sealed_secret];
  if (sealed_previous_secret !== null && previous_until !== null && previous_until.getTime() > now) sealed.push(sealed_previous_secret);
  return Promise.all(sealed.map((secret) => seal.open(secret, `webhook:${id}`)));
}
