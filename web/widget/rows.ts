/** What the log shows, from top to bottom: days, messages, what is being written and what waits to be sent. Pure. */
import type { OutboxItem } from './outbox.ts';
import type { MessageFrame } from './protocol.ts';
import type { ConversationRecord } from './record.ts';

/** A message bubble. */
export interface BubbleRow {
  kind: 'bubble';
  /** The same for one message from its first letter to its final form. */
  key: string;
  message: MessageFrame;
  /** `stream`: still growing; `waiting`: on its way; `refused`: the server would not have it. */
  state: 'stream' | 'waiting' | 'refused' | 'delivered';
  /** The error code of a refused message. */
  refusal: string;
  /** Whether the row above is by the same writer, shortly before. */
  joins: boolean;
  /** `active`: may be pressed; `closed`: an older or a used offer. */
  offer: 'none' | 'active' | 'closed';
  /** The button that was chosen. */
  chosen: string | null;
}

/** One row of the log. */
export type Row = { kind: 'day'; key: string; at: number } | BubbleRow;

const joinWithinMs = 5 * 60_000;

/** The message that asks what is still open: nothing has been said to it. */
export function openQuestion(record: ConversationRecord, waiting: readonly OutboxItem[]): MessageFrame | null {
  const asked = record.messages.findLast((message) => message.input !== undefined || message.role === 'contact');
  return asked?.input === undefined || waiting.length > 0 ? null : asked;
}

/** @param now milliseconds since 1970, for rows that have no time of their own yet */
export function rowsOf(record: ConversationRecord, waiting: readonly OutboxItem[], now: number): readonly Row[] {
  const open = waiting.filter((item) => !record.has(item.id));
  const bubbles = [
    ...record.messages.map((message) => bubble(message, 'delivered')),
    ...record.streams.map((stream) => bubble(streamMessage(stream.reply, stream.text, now), 'stream')),
    ...open.map((item) => bubble(itemMessage(item), item.refused === undefined ? 'waiting' : 'refused', item.refused ?? '')),
  ];
  markOffers(bubbles, open);
  return withDays(bubbles);
}

function bubble(message: MessageFrame, state: BubbleRow['state'], refusal = ''): BubbleRow {
  const key = message.reply === undefined ? message.id : `reply:${message.reply}`;
  return { kind: 'bubble', key, message, state, refusal, joins: false, offer: message.buttons ? 'closed' : 'none', chosen: null };
}

function streamMessage(reply: string, text: string, now: number): MessageFrame {
  return { type: 'message', seq: 0, id: reply, role: 'coach', text, at: new Date(now).toISOString(), reply };
}

function itemMessage(item: OutboxItem): MessageFrame {
  const { id, text, attachments } = item;
  return { type: 'message', seq: 0, id, role: 'contact', text, at: new Date(item.at).toISOString(), ...(attachments && { attachments }) };
}

/** Only the newest offer can be taken, and only once; what was chosen stays marked. */
function markOffers(bubbles: readonly BubbleRow[], open: readonly OutboxItem[]): void {
  const offers = bubbles.filter((row) => row.offer !== 'none');
  for (const [index, row] of offers.entries()) {
    const until = offers[index + 1]?.message.seq ?? Number.POSITIVE_INFINITY;
    row.chosen = chosenButton(row.message, until, bubbles) ?? waitingButton(row.message.seq, open);
    if (index === offers.length - 1 && row.chosen === null) row.offer = 'active';
  }
}

function chosenButton(offer: MessageFrame, until: number, bubbles: readonly BubbleRow[]): string | null {
  const replies = bubbles.map((row) => row.message).filter((m) => m.role === 'contact' && m.seq > offer.seq && m.seq < until);
  for (const { button, text } of replies) {
    const chosen = offer.buttons?.find((candidate) => (button === undefined ? candidate.title === text : candidate.id === button));
    if (chosen !== undefined) return chosen.id;
  }
  return null;
}

function waitingButton(seq: number, open: readonly OutboxItem[]): string | null {
  return open.find((item) => item.button?.seq === seq)?.button?.id ?? null;
}

function withDays(bubbles: readonly BubbleRow[]): readonly Row[] {
  const rows: Row[] = [];
  let day = '';
  let above: BubbleRow | undefined;
  for (const row of bubbles) {
    const at = Date.parse(row.message.at);
    const date = Number.isNaN(at) ? day : new Date(at).toDateString();
    if (date !== day) rows.push({ kind: 'day', key: `day:${date}`, at });
    row.joins = date === day && above?.message.role === row.message.role && at - Date.parse(above.message.at) < joinWithinMs;
    rows.push(row);
    day = date;
    above = row;
  }
  return rows;
}
