/** Outside channels over a test database: the real runtime, the real adapters, and stand-ins for the providers. */
import { vi } from 'vitest';
import type { Answers } from '../../src/answers.ts';
import type { ChannelName } from '../../src/channels/channel.ts';
import type { GivenAccount } from '../../src/channels/connect.ts';
import { createOutside, type Outside } from '../../src/channels/outside.ts';
import type { Receiver } from '../../src/channels/receive.ts';
import { sign } from '../../src/channels/signature.ts';
import type { Database } from '../../src/database.ts';
import type { AppError } from '../../src/errors.ts';
import { type ContactId, type ConversationId, type CreatorId, systemIds } from '../../src/ids.ts';
import { mediaKindOf } from '../../src/media/kind.ts';
import type { Attachment, Message } from '../../src/message.ts';
import { createSeal } from '../../src/seal.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { recordConsent } from '../../src/store/consent.ts';
import { messagesAfter } from '../../src/store/conversations.ts';
import { type ManualClock, manualClock } from './clock.ts';
import { quietLog } from './quiet-log.ts';
import { evening, makeRuntime, type TestRuntime } from './runtime.ts';
import { startTelegram, type TelegramStandIn } from './telegram-stand-in.ts';
import { signedWebhook, startWhatsApp, type WhatsAppStandIn } from './whatsapp-stand-in.ts';

/** Outside channels with everything around them. */
export interface OutsideBench {
  clock: ManualClock;
  runtime: TestRuntime;
  outside: Outside;
  receiver: Receiver;
  whatsapp: WhatsAppStandIn;
  telegram: TelegramStandIn;
  /** Files that can be sent, by id. */
  files: Map<string, { medium: Attachment; bytes: Uint8Array }>;
  /** With what the keeping of files that are received is refused, one after the other. */
  refusals: AppError[];
  /** Those whose work `settled` waits for; `connect` adds its own. */
  creators: Set<CreatorId>;
  /** Connects an account and gives its id. */
  connect(creatorId: CreatorId, account: Record<string, unknown>): Promise<string>;
  /** Hands the way in a body of a WhatsApp webhook, signed as Meta does. */
  fromMeta(connectionId: string, body: unknown, secret?: string): Promise<void>;
  /** Hands the way in an update, with the secret the bot was given. */
  fromTelegram(connectionId: string, update: unknown): Promise<void>;
  /** Hands the way in a body of the webhook channel, signed with the secret. */
  fromSystem(connectionId: string, body: unknown, secret: string): Promise<void>;
  /** Hands the way in any request. */
  post(channel: ChannelName, connectionId: string, body: string, headers: Record<string, string>): Promise<void>;
  /** Waits until nothing is planned that may run now. */
  settled(): Promise<void>;
  /** Waits, turns the clock, and waits again: a clock that jumps takes away the lease of what runs. */
  turn(ms: number): Promise<void>;
  /** The messages of the creator's only conversation, or the one named. */
  messages(creatorId: CreatorId, conversationId?: ConversationId): Promise<Message[]>;
  stop(): Promise<void>;
}

/** Puts it together. The effect pump runs; the clock stands at 20 October 2026, 20:00 UTC. */
export async function openOutside(db: Database, script?: Answers['answer']): Promise<OutsideBench> {
  const clock = manualClock(evening);
  const [whatsapp, telegram] = await Promise.all([startWhatsApp(), startTelegram()]);
  const files: OutsideBench['files'] = new Map();
  const refusals: AppError[] = [];
  const outside = createOutside({
    ...{ db, clock, ids: systemIds, log: quietLog, fetch, guardedFetch: fetch },
    seal: await createSeal(new Uint8Array(32).fill(3)),
    cache: createMemoryCache(clock),
    async keepMedia(_creatorId, { name, bytes }) {
      const refusal = refusals.shift();
      if (refusal !== undefined) throw refusal;
      const { kind, type } = mediaKindOf(bytes);
      return { id: systemIds.uuid(), kind, type, name, bytes: bytes.byteLength };
    },
    files: {
      read: async (_creatorId, id) => files.get(id) ?? null,
      url: (creatorId, id) => `https://coach.example/media/${creatorId}/${id}`,
    },
    whatsapp: { url: whatsapp.url, version: 'v26.0' },
    telegram: { url: telegram.url },
    publicUrl: 'https://coach.example',
  });
  const runtime = makeRuntime(db, { clock, ...outside.deliveries, ...(script ? { script } : {}) });
  const receiver = outside.receiver(runtime.mailboxes);
  runtime.effects.start();
  runtime.timers.start();

  const creators = new Set<CreatorId>();
  const bench: OutsideBench = {
    ...{ creators, files, refusals, clock, runtime, outside, receiver, whatsapp, telegram },
    async connect(creatorId, account) {
      creators.add(creatorId);
      const { connection } = await outside.connections.connect(creatorId, { name: '', uncertain: 'leave', ...account } as GivenAccount);
      return connection.id;
    },
    fromMeta(connectionId, value, secret) {
      const { body, headers } = signedWebhook(value, secret);
      return bench.post('whatsapp', connectionId, body, headers);
    },
    fromTelegram: (connectionId, update) =>
      bench.post('telegram', connectionId, JSON.stringify(update), { 'X-Telegram-Bot-Api-Secret-Token': telegram.webhook?.secret ?? '' }),
    fromSystem(connectionId, value, secret) {
      const body = JSON.stringify(value);
      const timestamp = String(Math.floor(clock.wall() / 1000));
      const headers = { 'X-Companero-Timestamp': timestamp, 'X-Companero-Signature': `v1=${sign(secret, `${timestamp}.`, body)}` };
      return bench.post('webhook', connectionId, body, headers);
    },
    post(channel, connectionId, body, headers) {
      const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      const request = { bytes: new TextEncoder().encode(body), header: (name: string) => lower.get(name.toLowerCase()), now: clock.wall() };
      return receiver.receive(channel, connectionId, request);
    },
    async settled() {
      await receiver.idle();
      await vi.waitFor(
        async () => {
          runtime.effects.wake();
          runtime.timers.wake();
          if ((await runnable(db, clock, creators)) > 0) throw new Error('Something may still run');
        },
        { timeout: 10_000, interval: 5 },
      );
    },
    async turn(ms) {
      await bench.settled();
      clock.advance(ms);
      await bench.settled();
    },
    async messages(creatorId, conversationId) {
      const [only] = await db.tenant(creatorId, (sql) => sql<{ id: ConversationId }>('select id from conversations order by created_at'));
      return messagesAfter(db, { creatorId, conversationId: conversationId ?? (only?.id as ConversationId) }, 0, 200);
    },
    async stop() {
      await runtime.stop();
      await receiver.idle();
      await Promise.all([whatsapp.close(), telegram.close()]);
    },
  };
  return bench;
}

/** Effects and timers that are due or run now. */
async function runnable(db: Database, clock: ManualClock, creators: Iterable<CreatorId>): Promise<number> {
  let count = 0;
  for (const id of creators) {
    const [row] = await db.tenant(id, (sql) =>
      sql<{ count: number }>(
        `select (select count(*) from effects e where status = 'planned' and (not_before <= $1 or leased_until > $1)
             and not exists (select 1 from effects b where b.conversation_id = e.conversation_id and b.lane = e.lane and b.status = 'planned'
                             and b.position < e.position and b.leased_until <= $1))
           + (select count(*) from timers where due_at <= $1) as count`,
        [new Date(clock.now())],
      ),
    );
    count += Number(row?.count ?? 0);
  }
  return count;
}

/** Records that every contact of the creator agreed to messages, as a member does. */
export async function agreeToMessages(db: Database, creatorId: CreatorId): Promise<void> {
  const contacts = await db.tenant(creatorId, (sql) => sql<{ id: ContactId }>('select id from contacts'));
  const given = {
    purpose: 'messages',
    granted: true,
    proof: { how: 'member', member_id: 'm', note: 'on paper' },
    at: new Date(evening),
  } as const;
  for (const { id } of contacts) await db.tenant(creatorId, (sql) => recordConsent(sql, { creatorId, contactId: id }, given));
}
