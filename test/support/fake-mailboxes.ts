/** Conversations kept in memory: mailboxes that write a message down, the record they write to, and the news they publish. */
import type { ConversationKey, Input, InputResult, Mailboxes } from '../../src/actors/input.ts';
import type { ConversationRecord } from '../../src/channels/widget.ts';
import { AppError } from '../../src/errors.ts';
import type { ConversationNews, Message, MessageBody } from '../../src/message.ts';
import { conversationTopic, type FanOut } from '../../src/shared/fan-out.ts';
import type { ConversationHead } from '../../src/store/conversations.ts';

export interface FakeMailboxes extends Mailboxes {
  record: ConversationRecord;
  fanOut: FanOut;
  /** Begins a conversation. */
  open(key: ConversationKey): void;
  /** Writes down what the contact has earned. */
  earn(key: ConversationKey, progress: NonNullable<ConversationHead['progress']>): void;
  /** Writes down what the program says, and publishes it unless `lost`. */
  say(key: ConversationKey, body: MessageBody, lost?: boolean): Message;
  /** Publishes without writing down. */
  publish(key: ConversationKey, news: ConversationNews): void;
  /** Every input taken, in order. */
  readonly inputs: Input[];
  /** Fails the next deliveries with this, once each. */
  readonly failures: unknown[];
  /** While set, deliveries wait for it before they are durable. */
  gate: Promise<void> | null;
  /** While set, reading the record waits for it. */
  readGate: Promise<void> | null;
}

export function fakeMailboxes(): FakeMailboxes {
  interface Kept extends Pick<ConversationHead, 'readSeq' | 'progress'> {
    messages: Message[];
    results: Map<string, InputResult>;
  }
  const conversations = new Map<string, Kept>();
  const listeners = new Map<string, Set<(news: unknown) => void>>();
  const topicOf = (key: ConversationKey) => conversationTopic(key.creatorId, key.conversationId);
  const find = (key: ConversationKey) => conversations.get(topicOf(key));

  const fanOut: FanOut = {
    publish(topic, news) {
      for (const hear of [...(listeners.get(topic) ?? [])]) hear(news);
    },
    async subscribe(topic, hear) {
      const heard = listeners.get(topic) ?? new Set();
      listeners.set(topic, heard.add(hear));
      return () => void heard.delete(hear);
    },
    close: async () => listeners.clear(),
  };

  function write(key: ConversationKey, message: Omit<Message, 'seq' | 'at'>, lost = false): Message {
    const messages = find(key)?.messages ?? [];
    const written = { ...message, seq: messages.length + 1, at: '2026-11-21T08:00:00.000Z' };
    messages.push(written);
    if (!lost) fake.publish(key, { type: 'message', message: written });
    return written;
  }

  const fake: FakeMailboxes = {
    fanOut,
    record: {
      async head(key) {
        await fake.readGate;
        const found = find(key);
        return found === undefined
          ? null
          : { seq: found.messages.length, readSeq: found.readSeq, status: 'open', progress: found.progress };
      },
      async moveReadMark(key, seq) {
        await fake.readGate;
        const found = find(key);
        const moved = Math.min(seq, found?.messages.length ?? 0);
        if (found === undefined || moved <= found.readSeq) return null;
        found.readSeq = moved;
        return moved;
      },
      async messagesAfter(key, after, most) {
        await fake.readGate;
        return (find(key)?.messages ?? []).slice(after, after + most);
      },
    },
    open: (key) => void conversations.set(topicOf(key), { messages: [], readSeq: 0, progress: null, results: new Map() }),
    earn: (key, progress) => void Object.assign(find(key) ?? {}, { progress }),
    say: (key, body, lost) => write(key, { id: crypto.randomUUID(), role: 'coach', class: 'reply', body }, lost),
    publish: (key, news) => fanOut.publish(topicOf(key), news),
    inputs: [],
    failures: [],
    gate: null,
    readGate: null,
    async deliver(key, input) {
      fake.inputs.push(input);
      const failure = fake.failures.shift();
      if (failure !== undefined) throw failure;
      await fake.gate;
      const found = find(key);
      if (found === undefined) throw new AppError('NOT_FOUND', 'Cannot find this conversation');
      const before = found.results.get(input.id);
      if (before !== undefined) return before;
      const isBubble = input.kind === 'message' || input.kind === 'button';
      const attachments = input.kind === 'message' ? input.attachments : undefined;
      const body = { text: input.kind === 'message' ? input.text : '', ...(attachments && { attachments }) };
      const result = isBubble ? { seq: write(key, { id: input.messageId, role: 'contact', class: 'inbound', body }).seq } : { seq: null };
      found.results.set(input.id, result);
      return result;
    },
  };
  return fake;
}
