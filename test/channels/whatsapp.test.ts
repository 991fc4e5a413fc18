/** WhatsApp end to end: signed webhooks in, the real runtime, sends against a stand-in that enforces the Cloud API's limits. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { CreatorId } from '../../src/ids.ts';
import { deliveriesOf } from '../../src/store/deliveries.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { openOutside } from '../support/outside.ts';
import { publish } from '../support/runtime.ts';
import { inbound, status, webhookBody, whatsappAccount } from '../support/whatsapp-stand-in.ts';

const db = await testDatabase();
const bench = await openOutside(db);
afterAll(() => bench.stop());

let creatorId: CreatorId;
let connection: string;
let count = 0;
const account = { channel: 'whatsapp', ...whatsappAccount };
const text = (id: string, body: string, phone = '351911000111') => webhookBody(inbound(id, { phone }, { type: 'text', text: { body } }));
const wamid = () => `wamid.in.${count++}`;

beforeEach(async () => {
  creatorId = await testCreator(db);
  await publish(db, creatorId);
  connection = await bench.connect(creatorId, account);
  bench.whatsapp.sent.length = 0;
  bench.whatsapp.faults.length = 0;
  bench.whatsapp.closed.clear();
});

const said = () => bench.whatsapp.sent.map(({ body }) => (body.text as { body: string } | undefined)?.body ?? body.type);

async function conversation() {
  const [row] = await db.tenant(creatorId, (sql) => sql<{ id: never; status: string }>('select id, status from conversations'));
  return row as { id: never; status: string };
}

async function standing() {
  const { id } = await conversation();
  return (await deliveriesOf(db, { creatorId, conversationId: id }, [1, 2, 3, 4, 5])).map(({ seq, status: state, reason }) => [
    seq,
    state,
    reason,
  ]);
}

describe('a conversation on WhatsApp', () => {
  it('is begun by a message, answered in order, and its bubbles are tracked to the end', async () => {
    await bench.fromMeta(connection, text(wamid(), 'sleep'));
    await bench.settled();
    expect(said()).toEqual(['Welcome, Ana. For one week we look at your sleep together.', 'When do you want to get up?']);
    expect(bench.whatsapp.sent.map(({ to }) => to)).toEqual(['351911000111', '351911000111']);
    expect(bench.whatsapp.broken).toEqual([]);
    expect(bench.whatsapp.noticed.at(-1)).toMatchObject({ status: 'read', typing_indicator: { type: 'text' } });
    expect(await standing()).toEqual([
      [2, 'sent', null],
      [3, 'sent', null],
    ]);
    const [first] = bench.whatsapp.sent;
    await bench.fromMeta(connection, webhookBody(status(first?.id ?? '', 'read')));
    await bench.fromMeta(connection, webhookBody(status(first?.id ?? '', 'sent')));
    expect(await standing()).toEqual([
      [2, 'read', null],
      [3, 'sent', null],
    ]);
  });
});
