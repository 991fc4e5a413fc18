/** WhatsApp's 24 hours: what may be said after them, to whom, and what becomes of the rest. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConversationId, type CreatorId, systemIds } from '../../../src/ids.ts';
import { listConsent } from '../../../src/store/consent.ts';
import { deliveriesOf, listDeadLetters, replayDelivery } from '../../../src/store/deliveries.ts';
import { emptyDatabase, testCreator, testDatabase } from '../../support/database.ts';
import { sleepReset } from '../../support/example.ts';
import { agreeToMessages, type OutsideBench, openOutside } from '../../support/outside.ts';
import { publish } from '../../support/runtime.ts';
import { inbound, webhookBody, whatsappAccount } from '../../support/whatsapp-stand-in.ts';

const db = await testDatabase();
const phone = '351911000111';
const hour = 3_600_000;
let bench: OutsideBench;
let creatorId: CreatorId;
let connection: string;
let count = 0;

/** Asks for consent, then nudges once after thirty hours. */
const asking = {
  ...sleepReset,
  meta: { ...sleepReset.meta, id: 'asking' },
  content: {
    ask: { en: { text: 'May Ana’s Studio write to you in the mornings?', buttons: [{ id: 'yes', title: 'Yes' }] } },
    thanks: { en: { text: 'Thank you.' } },
    morning: { en: { text: 'Good morning.', template: { name: 'morning', language: 'en' } } },
    back: { en: { text: 'Welcome back.' } },
  },
  delays: { later: { for: 'PT30H' } },
  machine: {
    id: 'asking',
    initial: 'ask',
    states: {
      ask: {
        entry: [{ type: 'ask', params: { content: 'ask', question: 'may', input: { type: 'consent', kind: 'messages' } } }],
        on: { ANSWER: 'waiting' },
      },
      waiting: { entry: [{ type: 'say', params: { content: 'thanks' } }], after: { later: 'morning' } },
      morning: {
        entry: [{ type: 'say', params: { content: 'morning', class: 'transactional' } }],
        on: { MESSAGE: 'back' },
      },
      back: { entry: [{ type: 'say', params: { content: 'back' } }] },
    },
  },
  policies: {},
  progress: {},
  tests: [],
};

beforeEach(async () => {
  await emptyDatabase(db);
  bench = await openOutside(db);
  creatorId = await testCreator(db);
  connection = await bench.connect(creatorId, { channel: 'whatsapp', outside_window: 'hold', ...whatsappAccount });
});
afterEach(() => bench.stop());

async function says(text: string): Promise<void> {
  count += 1;
  const message = inbound(`wamid.${count}`, { phone }, { type: 'text', text: { body: text } }, bench.clock.wall() / 1000);
  await bench.fromMeta(connection, webhookBody(message));
  await bench.settled();
}

async function writes(text: string): Promise<void> {
  const input = { id: systemIds.uuid(), kind: 'control', act: 'say', text, messageId: systemIds.uuid() } as const;
  await bench.runtime.mailboxes.deliver(await only(), input);
  await bench.settled();
}

async function only() {
  const [row] = await db.tenant(creatorId, (sql) => sql<{ id: ConversationId }>('select id from conversations'));
  return { creatorId, conversationId: row?.id as ConversationId };
}

async function standing(): Promise<string[]> {
  const outbound = (await bench.messages(creatorId)).filter(({ role }) => role !== 'contact');
  const states = await deliveriesOf(
    db,
    await only(),
    outbound.map(({ seq }) => seq),
  );
  return states.map(({ status, reason }) => `${status}${reason === null ? '' : `: ${reason}`}`);
}

const sent = () => bench.whatsapp.sent.map(({ body }) => (body.text as { body: string } | undefined)?.body ?? body.type);

describe('a template', () => {
  it('reaches a person who agreed, and the record proves it with the words of both', async () => {
    await publish(db, creatorId, asking);
    await says('hello');
    await says('yes');
    await bench.turn(30 * hour);
    expect(sent().at(-1)).toBe('template');
    const [contact] = await db.tenant(creatorId, (sql) => sql<{ id: string }>('select id from contacts'));
    const proofs = await db.tenant(creatorId, (sql) => listConsent(sql, contact?.id ?? ''));
    const { conversationId } = await only();
    expect(proofs).toMatchObject([
      {
        purpose: 'messages',
        granted: true,
        proof: {
          how: 'conversation',
          conversation_id: conversationId,
          channel: 'whatsapp',
          asked: 'May Ana’s Studio write to you in the mornings?',
          answered: 'yes',
          business: expect.any(String),
        },
      },
    ]);
  });

  it('waits for a person who has not agreed, and comes behind the answer when they write', async () => {
    await publish(db, creatorId, { ...asking, machine: { ...asking.machine, initial: 'waiting' } });
    await says('hello');
    await bench.turn(30 * hour);
    expect(await standing()).toEqual(['sent', 'held: no opt-in']);
    await says('Is anybody there?');
    expect(sent()).toEqual(['Thank you.', 'Welcome back.', 'Good morning.']);
  });

  it('is not sent either where only the provider says that the window has closed', async () => {
    await publish(db, creatorId, { ...asking, machine: { ...asking.machine, initial: 'morning' } });
    bench.whatsapp.closed.add(phone);
    await says('hello');
    expect(await standing()).toEqual(['held: no opt-in']);
  });
});

describe('words without a template', () => {
  beforeEach(async () => {
    await says('hello');
    await agreeToMessages(db, creatorId);
    await bench.turn(25 * hour);
  });

  it('are held, and go in few bubbles, in order, when the person writes again', async () => {
    for (const day of [1, 2, 3, 4, 5]) await writes(`Day ${day}`);
    expect(await standing()).toEqual(Array(5).fill('held: window closed'));
    expect(sent()).toEqual([]);
    await says('hello again');
    expect(sent()).toEqual(['Day 1\n\nDay 2\n\nDay 3', 'Day 4', 'Day 5']);
    expect(await standing()).toEqual(Array(5).fill('sent'));
  });

  it('are one dead letter where a joined bubble is refused, and replayed as one by any of its messages', async () => {
    for (const day of [1, 2, 3, 4, 5]) await writes(`Day ${day}`);
    bench.whatsapp.faults.push(131008);
    await says('hello again');
    expect(await standing()).toEqual([...Array(3).fill('failed: 131008'), 'sent', 'sent']);
    const { items } = await listDeadLetters(db, creatorId, { limit: 10 });
    expect(items).toHaveLength(1);
    const key = await only();
    expect(await replayDelivery(db, { ...key, seq: (items[0]?.seq ?? 0) - 2 }, systemIds.uuid())).toBe(true);
    await bench.settled();
    expect(sent().at(-1)).toBe('Day 1\n\nDay 2\n\nDay 3');
    expect(await standing()).toEqual(Array(5).fill('sent'));
  });

  it('are not sent to somebody who writes STOP', async () => {
    await writes('Day 1');
    await says('STOP');
    expect(sent()).toHaveLength(1);
    expect((await standing())[0]).toBe('failed: opted out');
  });

  it('are a dead letter at once by the rule of a creator who wants that', async () => {
    connection = await bench.connect(creatorId, { channel: 'whatsapp', outside_window: 'fail', ...whatsappAccount });
    await writes('Day 1');
    expect(await standing()).toEqual(['failed: window closed']);
    expect((await listDeadLetters(db, creatorId, { limit: 10 })).items).toMatchObject([{ reason: 'window closed' }]);
    await says('hello again');
    expect(sent()).toEqual([]);
  });
});
