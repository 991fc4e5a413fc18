/** Short-lived signed links to media: whoever has one may fetch that file until it expires, and nothing else. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { CreatorId } from '../ids.ts';

/** The least time a new link lives, in milliseconds. */
export const linkMs = 60 * 60_000;
/** Links made within one such stretch are the same, so that browsers can keep what they fetched. */
const stretchMs = 15 * 60_000;

/** Makes and checks links. */
export interface MediaLinks {
  /** The link as a path on this server, as in `/api/v1/media/…?expires=…&signature=…`. Lives an hour to an hour and a quarter. */
  path(creatorId: CreatorId, id: string): string;
  /** Whether the signature is ours for this file and `expires` (seconds since 1970) has not passed. */
  holds(creatorId: CreatorId, id: string, expires: string, signature: string): boolean;
}

/** @param key 32 secret bytes for this purpose only, the same on every node */
export function createMediaLinks(key: Uint8Array, clock: Pick<Clock, 'wall'>): MediaLinks {
  const sign = (creatorId: CreatorId, id: string, expires: string) =>
    createHmac('sha256', key).update(`${creatorId}/${id}/${expires}`).digest();

  return {
    path(creatorId, id) {
      const expires = String((Math.floor(clock.wall() / stretchMs) * stretchMs + stretchMs + linkMs) / 1000);
      return `/api/v1/media/${creatorId}/${id}?expires=${expires}&signature=${sign(creatorId, id, expires).toString('base64url')}`;
    },
    holds(creatorId, id, expires, signature) {
      if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= clock.wall()) return false;
      const given = Buffer.from(signature, 'base64url');
      const wanted = sign(creatorId, id, expires);
      return given.byteLength === wanted.byteLength && timingSafeEqual(given, wanted);
    },
  };
}
