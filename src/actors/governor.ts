/** The send governor: one decision for every outbound message of a contact, across all programs, always with its reason. Pure. */

import type { MessageClass } from '../message.ts';
import type { Policies } from '../programs/definition.ts';
import { durationMs, isQuiet, localDate, quietEnds } from '../programs/schedule.ts';
import type { Contact } from '../programs/scope.ts';

/** A proactive message that was sent: what the caps count. */
export interface Send {
  class: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** What becomes of a message, and why. `until` is milliseconds since 1970. */
export type Decision = { do: 'send'; reason: string } | { do: 'hold'; until: number; reason: string } | { do: 'skip'; reason: string };

/** What a decision rests on. */
export interface Circumstances {
  now: number;
  /** The contact's zone. */
  zone: string;
  contact: Contact;
  sends: readonly Send[];
  policies: Policies;
}

const dayMs = 86_400_000;
/** Sends older than this no longer count for any cap. */
const memoryMs = 31 * dayMs;
/** Sends of one class that are remembered: what `max` of a cap may ask for. */
const memoryLength = 100;

/** Decides whether a message of this class may go out now. Replies and safety messages always pass. */
export function govern(messageClass: MessageClass, circumstances: Circumstances): Decision {
  if (messageClass === 'reply' || messageClass === 'safety') return { do: 'send', reason: messageClass };
  const { contact, now, zone, policies } = circumstances;
  if (contact.consent.messages === false) return { do: 'skip', reason: 'opted out' };
  const needed = policies.consent?.[messageClass as 'promo'] ?? (messageClass === 'promo' ? 'promo' : undefined);
  if (needed !== undefined && contact.consent[needed] !== true) return { do: 'skip', reason: `no consent to ${needed}` };
  const cap = cappedBy(messageClass, circumstances);
  if (cap !== null) return { do: 'skip', reason: cap };
  if (policies.quiet && isQuiet(now, zone, policies.quiet)) {
    return { do: 'hold', until: quietEnds(now, zone, policies.quiet), reason: `quiet hours ${policies.quiet.from}–${policies.quiet.to}` };
  }
  return { do: 'send', reason: messageClass };
}

/** The contact's sends with one more, trimmed to what caps can still ask for. */
export function recordSend(sends: readonly Send[], messageClass: MessageClass, now: number): readonly Send[] {
  if (messageClass === 'reply' || messageClass === 'safety' || messageClass === 'inbound') return sends;
  const counts = sends.filter((send) => now - send.at < memoryMs);
  const others = counts.filter((send) => send.class !== messageClass);
  // Each class by itself: many of one must not make the cap of another forget.
  const own = counts.filter((send) => send.class === messageClass).slice(1 - memoryLength);
  return [...others, ...own, { class: messageClass, at: now }];
}

/** Why a cap stops the message, or null. Periods of whole days count local dates, so that a daily message never drifts into its own cap. */
function cappedBy(messageClass: MessageClass, { policies, sends, now, zone }: Circumstances): string | null {
  const cap = policies.caps?.[messageClass as 'nudge' | 'promo' | 'transactional'];
  if (!cap) return null;
  const periodMs = durationMs(cap.per);
  const days = Math.round(periodMs / dayMs);
  const firstDate = localDate(now - (days - 1) * dayMs, zone);
  const counts = (send: Send) =>
    send.class === messageClass && (periodMs % dayMs === 0 ? localDate(send.at, zone) >= firstDate : now - send.at < periodMs);
  const sent = sends.filter(counts).length;
  return sent < cap.max ? null : `cap of ${cap.max} ${messageClass} per ${cap.per} reached`;
}
