/** WhatsApp Cloud API webhooks: their JSON as events. Unknown kinds are counted, broken ones too; nothing is refused. */
import * as v from 'valibot';
import { storable } from '../../storable.ts';
import type { ChannelEvent, Received, Sender } from '../channel.ts';
import { isVisible } from '../split-text.ts';
import { refusalOf } from './errors.ts';

const Text = v.pipe(v.string(), v.maxLength(65_536));
const Id = v.pipe(v.string(), v.minLength(1), v.maxLength(512));
const maybe = <S extends v.GenericSchema>(schema: S) => v.optional(v.nullable(schema));

const Contact = v.object({
  wa_id: maybe(Id),
  user_id: maybe(Id),
  profile: maybe(v.object({ name: maybe(Text) })),
});
const Choice = v.object({ id: Id, title: maybe(Text) });
const File = v.object({ id: Id, sha256: maybe(v.pipe(v.string(), v.maxLength(128))), caption: maybe(Text), filename: maybe(Text) });
const Message = v.object({
  id: Id,
  from: maybe(Id),
  from_user_id: maybe(Id),
  timestamp: maybe(v.union([v.string(), v.number()])),
  type: v.string(),
  text: maybe(v.object({ body: Text })),
  interactive: maybe(v.object({ button_reply: maybe(Choice), list_reply: maybe(Choice) })),
  button: maybe(v.object({ payload: maybe(Text), text: maybe(Text) })),
  image: maybe(File),
  audio: maybe(File),
  video: maybe(File),
  document: maybe(File),
  system: maybe(v.object({ wa_id: maybe(Id), user_id: maybe(Id) })),
});
const Status = v.object({
  id: Id,
  status: v.string(),
  biz_opaque_callback_data: maybe(Text),
  errors: maybe(v.array(v.object({ code: v.number() }))),
});
const Change = v.object({
  value: v.object({
    metadata: v.object({ phone_number_id: Id }),
    contacts: v.optional(v.array(v.unknown()), []),
    messages: v.optional(v.array(v.unknown()), []),
    statuses: v.optional(v.array(v.unknown()), []),
  }),
});
const Body = v.object({ entry: v.array(v.object({ changes: v.optional(v.array(v.unknown()), []) })) });

type Message = v.InferOutput<typeof Message>;
type Contact = v.InferOutput<typeof Contact>;

/** Every event of a webhook body, over all entries and changes. @param now milliseconds since 1970, for what has no time */
export function readWebhook(value: unknown, now: number): Received {
  const ignored: Record<string, number> = {};
  const ignore = (kind: string) => {
    const known = /^[a-z_]{1,32}$/.test(kind) ? kind : 'other';
    ignored[known] = (ignored[known] ?? 0) + 1;
  };
  const batches: { account: string; events: ChannelEvent[] }[] = [];
  const body = v.safeParse(Body, value);
  if (!body.success) return { batches, ignored: { broken: 1 } };
  for (const change of body.output.entry.flatMap((entry) => entry.changes)) {
    const read = v.safeParse(Change, change);
    if (!read.success) {
      ignore('change');
      continue;
    }
    const { metadata, contacts, messages, statuses } = read.output.value;
    const people = contacts.flatMap((contact) => outputOf(Contact, contact) ?? []);
    const events = [
      ...messages.map((message) => messageEvent(outputOf(Message, message), people, now) ?? ignore(kindOf(message))),
      ...statuses.map((status) => statusEvent(outputOf(Status, status)) ?? ignore('status')),
    ];
    batches.push({ account: metadata.phone_number_id, events: events.filter((event) => event !== undefined) });
  }
  return { batches, ignored };
}

function outputOf<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> | null {
  const result = v.safeParse(schema, value);
  return result.success ? result.output : null;
}

function kindOf(message: unknown): string {
  return typeof message === 'object' && message !== null && 'type' in message ? String(message.type) : 'broken';
}

/** Kinds that are no message to a program and deserve no answer. */
const silent = new Set(['reaction', 'request_welcome']);

function messageEvent(message: Message | null, people: readonly Contact[], now: number): ChannelEvent | null {
  if (message === null || silent.has(message.type)) return null;
  if (message.type === 'system') return movedEvent(message);
  const from = senderOf(message, people);
  if (from === null) return null;
  const heard = { from, id: message.id, at: timeOf(message.timestamp, now) };
  const text = message.text?.body ?? '';
  if (message.type === 'text' && isVisible(text)) return { kind: 'message', ...heard, text };
  const file = message.image ?? message.audio ?? message.video ?? message.document;
  if (file) {
    const files = [{ id: file.id, name: file.filename ?? message.type, sha256: file.sha256 ?? null }];
    return { kind: 'message', ...heard, text: file.caption ?? '', files };
  }
  const choice = choiceOf(message);
  return choice ? { kind: 'button', ...heard, ...choice } : { kind: 'unreadable', ...heard };
}

function choiceOf({ interactive, button }: Message): { key: string; title: string } | null {
  const reply = interactive?.button_reply ?? interactive?.list_reply;
  if (reply) return { key: reply.id, title: reply.title ?? '' };
  return button ? { key: button.payload ?? '', title: button.text ?? '' } : null;
}

function movedEvent({ from, from_user_id: former, system }: Message): ChannelEvent | null {
  const formerId = former ?? from;
  const externalId = system?.user_id ?? system?.wa_id;
  return formerId && externalId ? { kind: 'moved', formerId, externalId, phone: digits(system?.wa_id) } : null;
}

/** The business-scoped id where there is one, else the number. A business-scoped id holds a dot; a number is digits only. */
function senderOf(message: Message, people: readonly Contact[]): Sender | null {
  const person = people.find(({ wa_id, user_id }) => (wa_id && wa_id === message.from) || (user_id && user_id === message.from_user_id));
  const only = people.length === 1 ? people[0] : undefined;
  const known = person ?? only;
  const phone = digits(message.from) ?? digits(known?.wa_id);
  const scoped = message.from_user_id ?? known?.user_id ?? null;
  const externalId = scoped ?? phone;
  if (externalId === null) return null;
  const name = [...storable(known?.profile?.name ?? '').trim()].slice(0, 200).join('');
  return { externalId, formerId: scoped !== null && phone !== null ? phone : null, phone, name, language: null };
}

function digits(text: string | null | undefined): string | null {
  return text && /^\d{5,20}$/.test(text) ? text : null;
}

/** Seconds as text. A time in the future is a clock that is wrong. */
function timeOf(timestamp: string | number | null | undefined, now: number): number {
  const at = Number(timestamp) * 1000;
  return Number.isFinite(at) && at > 0 ? Math.min(at, now) : now;
}

const statuses = ['sent', 'delivered', 'read', 'played'] as const;

function statusEvent(status: v.InferOutput<typeof Status> | null): ChannelEvent | null {
  if (status === null) return null;
  const about = { kind: 'status', providerId: status.id, reference: status.biz_opaque_callback_data ?? null } as const;
  const known = statuses.find((name) => name === status.status);
  if (known) return { ...about, status: known };
  return status.status === 'failed' ? { ...about, status: 'failed', refusal: refusalOf(status.errors?.[0]?.code ?? 0, 200) } : null;
}
