/** What another system tells over the webhook channel, as events. Our own format, still read leniently: one broken event spoils no other. */
import * as v from 'valibot';
import { AppError } from '../../errors.ts';
import { storable } from '../../storable.ts';
import type { ChannelEvent, Received } from '../channel.ts';
import { isVisible } from '../split-text.ts';

const Id = v.pipe(v.string(), v.minLength(1), v.maxLength(200), v.regex(/^[\x21-\x7e]+$/));
const From = v.pipe(
  v.object({
    id: Id,
    name: v.optional(v.pipe(v.string(), v.maxLength(200)), ''),
    phone: v.optional(v.pipe(v.string(), v.regex(/^\d{5,20}$/))),
    language: v.optional(v.pipe(v.string(), v.regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/))),
  }),
  v.transform(({ id, name, phone, language }) => ({
    ...{ externalId: id, formerId: null, name: storable(name).trim() },
    phone: phone ?? null,
    language: language ?? null,
  })),
);
const At = v.optional(v.pipe(v.string(), v.isoTimestamp(), v.transform(Date.parse)));

const FileEntry = v.pipe(
  v.object({
    url: v.pipe(v.string(), v.maxLength(2_000), v.check(isHttpAddress)),
    name: v.optional(v.pipe(v.string(), v.maxLength(200)), ''),
  }),
  v.transform(({ url, name }) => ({ id: url, name: name.toWellFormed() || 'file', sha256: null })),
);

const Event = v.variant('type', [
  v.object({
    type: v.literal('message'),
    id: Id,
    from: From,
    at: At,
    text: v.optional(v.pipe(v.string(), v.maxLength(65_536)), ''),
    files: v.optional(v.pipe(v.array(FileEntry), v.maxLength(5)), []),
  }),
  v.object({
    type: v.literal('button'),
    id: Id,
    from: From,
    at: At,
    key: v.pipe(v.string(), v.maxLength(256)),
    title: v.optional(v.string(), ''),
  }),
  v.object({ type: v.literal('status'), id: Id, status: v.picklist(['sent', 'delivered', 'read', 'played']) }),
  v.object({
    type: v.literal('status'),
    id: Id,
    status: v.literal('failed'),
    reason: v.optional(v.pipe(v.string(), v.regex(/^[\w .-]{1,64}$/)), 'failed'),
  }),
  v.object({ type: v.literal('unreachable'), from: From }),
]);
/** Files of one request: all are fetched before it is answered. */
const mostFiles = 10;
const Body = v.object({ events: v.pipe(v.array(v.unknown()), v.maxLength(1_000)) });

/**
 * Every event of a body.
 *
 * @param now milliseconds since 1970
 * @throws AppError INVALID_INPUT for what is no list of events, or one of more than a thousand, or with more than ten files
 */
export function readEvents(value: unknown, account: string, now: number): Received {
  const body = v.safeParse(Body, value);
  if (!body.success) throw new AppError('INVALID_INPUT', 'Send {"events": […]} with at most 1000 events');
  const events: ChannelEvent[] = [];
  for (const given of body.output.events) {
    const read = v.safeParse(Event, given);
    if (read.success) events.push(eventOf(read.output, now));
  }
  const files = events.reduce((sum, event) => sum + (event.kind === 'message' ? (event.files?.length ?? 0) : 0), 0);
  if (files > mostFiles) throw new AppError('INVALID_INPUT', `Send at most ${mostFiles} files at once`);
  const broken = body.output.events.length - events.length;
  return { batches: [{ account, events }], ignored: broken === 0 ? {} : { broken } };
}

function eventOf(event: v.InferOutput<typeof Event>, now: number): ChannelEvent {
  if (event.type === 'unreachable') return { kind: 'reachable', from: event.from, reachable: false };
  if (event.type === 'status') return statusOf(event);
  const heard = { from: event.from, id: event.id, at: Math.min(event.at ?? now, now) };
  if (event.type === 'button') return { kind: 'button', ...heard, key: event.key, title: event.title };
  const { text, files } = event;
  if (files.length > 0) return { kind: 'message', ...heard, text, files };
  return isVisible(text) ? { kind: 'message', ...heard, text } : { kind: 'unreadable', ...heard };
}

function statusOf(event: Extract<v.InferOutput<typeof Event>, { type: 'status' }>): ChannelEvent {
  const about = { kind: 'status', providerId: event.id, reference: event.id } as const;
  if (event.status !== 'failed') return { ...about, status: event.status };
  return { ...about, status: 'failed', refusal: { code: event.reason, does: 'fail' } };
}

/** Whether the text is an address that can be asked at all; whether it may be is judged when it is. */
export function isHttpAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
