/** The pace of sending: how fast one account and one person may be written to, kept in this process. */
import type { Clock } from '../clock.ts';
import type { Capabilities } from './channel.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

/** Takes one message's turn: 0 when it may go now, else the milliseconds to wait. */
export interface Pace {
  wait(connectionId: string, externalId: string, capabilities: Capabilities): number;
}

/** Buckets of this many people are kept; a forgotten one is a full one. */
const mostBuckets = 10_000;

/** Several nodes each keep their own pace; where the sum is too fast, the provider's own refusals slow them down. */
export function createPace(clock: Clock): Pace {
  const buckets = new Map<string, TokenBucket>();

  function bucket(name: string, burst: number, perSecond: number): TokenBucket {
    const known = buckets.get(name) ?? createTokenBucket(burst, perSecond);
    buckets.delete(name);
    buckets.set(name, known);
    if (buckets.size > mostBuckets) buckets.delete(buckets.keys().next().value ?? '');
    return known;
  }

  return {
    wait(connectionId, externalId, { perSecond, perPerson }) {
      const now = clock.wall();
      const person = bucket(`${connectionId}:${externalId}`, perPerson.burst, 1_000 / perPerson.everyMs)(now);
      return person > 0 ? person : bucket(connectionId, perSecond, perSecond)(now);
    },
  };
}
