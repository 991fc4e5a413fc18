/** Telegram updates as events: private chats with people only; everything else is counted. */
import * as v from 'valibot';
import { storable } from '../../storable.ts';
import type { ChannelEvent, Received, Sender } from '../channel.ts';
import { isVisible } from '../split-text.ts';

const Text = v.pipe(v.string(), v.maxLength(65_536));
/** Ids may need 64 bits: kept as text, and only those a double holds exactly, which is all Telegram gives people. */
const PersonId = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.transform(String));

const Person = v.object({
  id: PersonId,
  is_bot: v.optional(v.boolean(), false),
  first_name: v.optional(Text, ''),
  last_name: v.optional(Text, ''),
  language_code: v.optional(Text),
});
const Chat = v.object({ id: v.pipe(v.number(), v.safeInteger(), v.transform(String)), type: v.string() });
const File = v.object({ file_id: v.pipe(v.string(), v.maxLength(256)), file_name: v.optional(Text) });
const Message = v.object({
  message_id: v.number(),
  from: v.optional(Person),
  sender_chat: v.optional(v.unknown()),
  chat: Chat,
  date: v.number(),
  text: v.optional(Text),
  caption: v.optional(Text),
  photo: v.optional(v.array(File)),
  voice: v.optional(File),
  audio: v.optional(File),
  video: v.optional(File),
  document: v.optional(File),
});
const Callback = v.object({
  id: v.pipe(v.string(), v.maxLength(128)),
  from: Person,
  message: v.optional(v.object({ message_id: v.number(), chat: Chat })),
  data: v.optional(v.pipe(v.string(), v.maxLength(256))),
});
const Membership = v.object({ chat: Chat, from: Person, new_chat_member: v.object({ status: v.string() }) });
const Update = v.object({
  update_id: v.number(),
  message: v.optional(Message),
  edited_message: v.optional(Message),
  callback_query: v.optional(Callback),
  my_chat_member: v.optional(Membership),
});

type Message = v.InferOutput<typeof Message>;
type Callback = v.InferOutput<typeof Callback>;
type Person = v.InferOutput<typeof Person>;

/** The payload of a deep link: what Telegram itself lets through. */
const startPayload = /^\/start(?:@\w+)? ([A-Za-z0-9_-]{1,64})$/;

/** The event of an update. @param now milliseconds since 1970 */
export function readUpdate(value: unknown, account: string, now: number): Received {
  const update = v.safeParse(Update, value);
  if (!update.success) return { batches: [], ignored: { broken: 1 } };
  const event = eventOf(update.output, now);
  return event === null
    ? { batches: [], ignored: { [kindOf(update.output)]: 1 } }
    : { batches: [{ account, events: [event] }], ignored: {} };
}

function kindOf(update: v.InferOutput<typeof Update>): string {
  return ['message', 'edited_message', 'callback_query', 'my_chat_member'].find((kind) => kind in update) ?? 'other';
}

function eventOf(update: v.InferOutput<typeof Update>, now: number): ChannelEvent | null {
  const { message, edited_message: edited, callback_query: callback, my_chat_member: membership } = update;
  if (message) return messageEvent(message, now);
  if (edited) return editedEvent(edited, now);
  if (callback) return callbackEvent(callback, now);
  if (membership?.chat.type !== 'private') return null;
  return { kind: 'reachable', from: senderOf(membership.from), reachable: membership.new_chat_member.status === 'member' };
}

/** Who wrote it and when. A private chat has the id of its person: any other pair is somebody else's hand. */
function heardIn({ from, chat, sender_chat, message_id, date }: Message, now: number) {
  if (!from || from.is_bot || sender_chat !== undefined || chat.type !== 'private' || chat.id !== from.id) return null;
  return { from: senderOf(from), id: `message:${message_id}`, at: Math.min(date * 1000, now) };
}

function editedEvent(message: Message, now: number): ChannelEvent | null {
  const heard = heardIn(message, now);
  return heard && { kind: 'edited', ...heard, text: message.text ?? message.caption ?? '' };
}

function messageEvent(message: Message, now: number): ChannelEvent | null {
  const heard = heardIn(message, now);
  if (heard === null) return null;
  const words = message.text ?? message.caption ?? '';
  const payload = startPayload.exec(words)?.[1];
  if (payload !== undefined || /^\/start(@\w+)?(\s|$)/.test(words)) return { kind: 'start', ...heard, payload: payload ?? '' };
  // Of a photo the last size is the largest.
  const file = message.photo?.at(-1) ?? message.voice ?? message.audio ?? message.video ?? message.document;
  if (file) {
    const files = [{ id: file.file_id, name: file.file_name ?? 'file', sha256: null }];
    return { kind: 'message', ...heard, text: words, files };
  }
  return isVisible(words) ? { kind: 'message', ...heard, text: words } : { kind: 'unreadable', ...heard };
}

function callbackEvent({ id, from, message, data }: Callback, now: number): ChannelEvent | null {
  if (from.is_bot) return null;
  const own = message !== undefined && message.chat.type === 'private' && message.chat.id === from.id;
  // A button under somebody else's message is told like a forged one: answered, and taken for nothing.
  const key = own ? (data ?? '') : '';
  return {
    kind: 'button',
    from: senderOf(from),
    id: `callback:${id}`,
    at: now,
    key,
    title: '',
    ...(own ? { under: message.message_id } : {}),
  };
}

function senderOf({ id, first_name, last_name, language_code }: Person): Sender {
  const name = [...storable(`${first_name} ${last_name}`).trim()].slice(0, 200).join('');
  const language = language_code !== undefined && /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(language_code) ? language_code : null;
  return { externalId: id, formerId: null, phone: null, name, language };
}
