/** Addresses at which a service tells a program, once, that what it was asked for has happened. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { ConversationId, CreatorId } from '../ids.ts';

/** How long an address is good for: a month, in milliseconds. */
export const callbackMs = 30 * 24 * 60 * 60_000;

/** What an address stands for: one event for one conversation, in answer to one call. */
export interface Callback {
  creatorId: CreatorId;
  conversationId: ConversationId;
  /** The effect that called. */
  effectId: string;
  /** The event's name, without `EVENT.`. */
  event: string;
}

/** Makes and checks addresses. */
export interface Callbacks {
  /** The whole address, good for a month. */
  address(callback: Callback): string;
  /** Whether the signature is ours for this and `expires` (seconds since 1970) has not passed. */
  holds(callback: Callback, expires: string, signature: string): boolean;
}

/** @param key 32 secret bytes for this purpose only, the same on every node · @param origin where services reach the server */
export function createCallbacks(key: Uint8Array, origin: string, clock: Pick<Clock, 'wall'>): Callbacks {
  const sign = ({ creatorId, conversationId, effectId, event }: Callback, expires: string) =>
    createHmac('sha256', key).update(`${creatorId}/${conversationId}/${effectId}/${event}/${expires}`).digest();
  return {
    address(callback) {
      const { creatorId, conversationId, effectId, event } = callback;
      const expires = String(Math.floor((clock.wall() + callbackMs) / 1000));
      const path = [creatorId, conversationId, effectId, event].join('/');
      return `${origin}/api/v1/callbacks/${path}?expires=${expires}&signature=${sign(callback, expires).toString('base64url')}`;
    },
    holds(callback, expires, signature) {
      if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= clock.wall()) return false;
      const given = Buffer.from(signature, 'base64url');
      const wanted = sign(callback, expires);
      return given.byteLength === wanted.byteLength && timingSafeEqual(given, wanted);
    },
  };
}
