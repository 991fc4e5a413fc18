/** One person who talks to the example program over WhatsApp, anew for each test of a file. */
import { afterEach, beforeEach } from 'vitest';
import type { Database } from '../../src/database.ts';
import type { ConversationId, CreatorId } from '../../src/ids.ts';
import { deliveriesOf } from '../../src/store/deliveries.ts';
import { emptyDatabase, testCreator } from './database.ts';
import { type OutsideBench, openOutside } from './outside.ts';
import { publish } from './runtime.ts';
import { inbound, webhookBody, whatsappAccount } from './whatsapp-stand-in.ts';

export const phone = '351911000111';
export const account = { channel: 'whatsapp', ...whatsappAccount };
export const welcome = 'Welcome, Ana. For one week we look at your sleep together.';
export const askWake = 'When do you want to get up?';

/** What a test does and sees. */
export interface WhatsAppTalk {
  bench: OutsideBench;
  creatorId: CreatorId;
  connection: string;
  /** A new id of an inbound message. */
  wamid(): string;
  /** A webhook with a text. */
  textBody(text: string, id?: string): Record<string, unknown>;
  /** What was sent, as text, else its type. */
  said(): string[];
  hears(message: Record<string, unknown>, id?: string): Promise<void>;
  hearsText(text: string): Promise<void>;
  rows<Row>(text: string): Promise<Row[]>;
  conversations(): Promise<{ id: ConversationId; status: string; state: string; seq: number }[]>;
  /** What became of the messages with these numbers. */
  standing(seqs?: number[]): Promise<string[]>;
}

/** Sets the person up before each test. */
export function whatsappTalk(db: Database): WhatsAppTalk {
  let count = 0;
  const talk: WhatsAppTalk = {
    bench: undefined as unknown as OutsideBench,
    creatorId: '' as CreatorId,
    connection: '',
    wamid: () => `wamid.in.${count++}`,
    textBody: (text: string, id = talk.wamid()) => webhookBody(inbound(id, { phone }, { type: 'text', text: { body: text } })),
    said: () => talk.bench.whatsapp.sent.map(({ type, body }) => (body.text as { body: string } | undefined)?.body ?? type),
    async hears(message: Record<string, unknown>, id = talk.wamid()): Promise<void> {
      await talk.bench.fromMeta(talk.connection, webhookBody(inbound(id, { phone }, message)));
      await talk.bench.settled();
    },
    async hearsText(text: string): Promise<void> {
      await talk.bench.fromMeta(talk.connection, talk.textBody(text));
      await talk.bench.settled();
    },
    rows: (text) => db.tenant(talk.creatorId, (sql) => sql(text)),
    conversations: () => talk.rows('select * from conversations order by created_at'),
    async standing(seqs = [1, 2, 3, 4, 5]): Promise<string[]> {
      const [only] = await talk.conversations();
      const deliveries = await deliveriesOf(db, { creatorId: talk.creatorId, conversationId: only?.id as ConversationId }, seqs);
      return deliveries.map(({ seq, status, reason }) => `${seq} ${status}${reason === null ? '' : `: ${reason}`}`);
    },
  };
  beforeEach(async () => {
    await emptyDatabase(db);
    talk.bench = await openOutside(db);
    talk.creatorId = await testCreator(db);
    await publish(db, talk.creatorId);
    talk.connection = await talk.bench.connect(talk.creatorId, account);
  });
  afterEach(() => talk.bench.stop());
  return talk;
}
