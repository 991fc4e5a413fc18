/** WhatsApp end to end: signed webhooks in, the real runtime, sends against a stand-in that enforces the Cloud API's limits. */
import { describe, expect, it } from 'vitest';
import type { ConversationId } from '../../../src/ids.ts';
import { listDeadLetters, replayDelivery } from '../../../src/store/deliveries.ts';
import { testDatabase } from '../../support/database.ts';
import { status, webhookBody } from '../../support/whatsapp-stand-in.ts';
import { account, askWake, phone, welcome, whatsappTalk } from '../../support/whatsapp-talk.ts';

const db = await testDatabase();
const talk = whatsappTalk(db);
const { conversations, hearsText, rows, said, standing } = talk;
const minute = 60_000;
const hour = 60 * minute;

it('holds a conversation: answered in order, marked as read, every bubble tracked to the end', async () => {
  await hearsText('sleep');
  expect(said()).toEqual([welcome, askWake]);
  expect(talk.bench.whatsapp.sent.map(({ to }) => to)).toEqual([phone, phone]);
  expect(talk.bench.whatsapp.noticed.at(-1)).toMatchObject({ status: 'read', typing_indicator: { type: 'text' } });
  expect(await standing()).toEqual(['2 sent', '3 sent']);
});

describe('what goes wrong with a send', () => {
  it('is tried again after a pause when the provider is busy, in order', async () => {
    talk.bench.whatsapp.faults.push('http 503', 131016);
    await hearsText('sleep');
    expect(said()).toEqual([]);
    expect(await standing()).toEqual(['2 queued: http 503']);
    for (const _try of [1, 2, 3]) await talk.bench.turn(minute);
    expect(said()).toEqual([welcome, askWake]);
    expect(await standing()).toEqual(['2 sent', '3 sent']);
  });

  it('waits for the pair limit', async () => {
    talk.bench.whatsapp.faults.push(131056);
    await hearsText('sleep');
    await talk.bench.turn(5_000);
    expect(said()).toEqual([]);
    await talk.bench.turn(1_500);
    expect(said()).toEqual([welcome, askWake]);
  });

  it('is a dead letter at last, and goes out when it is replayed', async () => {
    talk.bench.whatsapp.faults.push(131008);
    await hearsText('sleep');
    expect(await standing()).toEqual(['2 failed: 131008', '3 sent']);
    const { items } = await listDeadLetters(db, talk.creatorId, { limit: 10 });
    expect(items).toMatchObject([{ seq: 2, status: 'failed', reason: '131008', channel: 'whatsapp' }]);
    const [letter] = items;
    const key = { creatorId: talk.creatorId, conversationId: letter?.conversationId as ConversationId, seq: 2 };
    const effectId = crypto.randomUUID();
    expect(await replayDelivery(db, key, effectId)).toBe(true);
    // Asked again by the same request, whose answer was lost.
    expect(await replayDelivery(db, key, effectId)).toBe(true);
    expect(await replayDelivery(db, key, crypto.randomUUID())).toBe(false);
    await talk.bench.settled();
    expect(said()).toEqual([askWake, welcome]);
    expect(await standing()).toEqual(['2 sent', '3 sent']);
    expect((await listDeadLetters(db, talk.creatorId, { limit: 10 })).items).toEqual([]);
  });

  it('is found out by the name we gave it when nobody answered, and is not sent twice', async () => {
    talk.bench.whatsapp.faults.push('timeout after accept');
    await hearsText('sleep');
    expect(await standing()).toEqual(['2 uncertain: connection lost']);
    const [taken] = talk.bench.whatsapp.sent;
    await talk.bench.fromMeta(
      talk.connection,
      webhookBody(status(taken?.id ?? '', 'delivered', { biz_opaque_callback_data: taken?.reference })),
    );
    await talk.bench.turn(31_000);
    expect(said()).toEqual([welcome, askWake]);
    expect(await standing()).toEqual(['2 delivered', '3 sent']);
  });

  it('stays visibly uncertain when no word comes, and the rest goes on', async () => {
    talk.bench.whatsapp.faults.push('timeout');
    await hearsText('sleep');
    await talk.bench.turn(31_000);
    expect(await standing()).toEqual(['2 uncertain: connection lost', '3 sent']);
    expect((await listDeadLetters(db, talk.creatorId, { limit: 10 })).items).toMatchObject([{ status: 'uncertain', seq: 2 }]);
  });

  it('is sent once more by the rule of a creator who wants that', async () => {
    talk.connection = await talk.bench.connect(talk.creatorId, { ...account, uncertain: 'resend' });
    talk.bench.whatsapp.faults.push('timeout');
    await hearsText('sleep');
    await talk.bench.turn(31_000);
    expect(said()).toEqual([welcome, askWake]);
  });

  it('disables the account when its token is void, and connecting again renews it', async () => {
    talk.bench.whatsapp.faults.push(190);
    await hearsText('sleep');
    expect(await outsideOf()).toMatchObject([{ status: 'disabled', reason: '190' }]);
    expect(await standing()).toEqual(['2 failed: 190', '3 failed: connection disabled']);
    expect(await talk.bench.connect(talk.creatorId, account)).toBe(talk.connection);
    expect(await outsideOf()).toMatchObject([{ status: 'active', reason: null }]);
  });

  it('makes a person unreachable after three refusals over a day, until they write', async () => {
    await hearsText('sleep');
    const { id } = (await conversations())[0] as { id: ConversationId };
    for (const say of ['one', 'two', 'three', 'four']) {
      talk.bench.whatsapp.faults.push(131026);
      const input = { id: say, kind: 'control', act: 'say', text: say, messageId: crypto.randomUUID() } as const;
      await talk.bench.runtime.mailboxes.deliver({ creatorId: talk.creatorId, conversationId: id }, input);
      await talk.bench.settled();
      await talk.bench.turn(7 * hour);
    }
    expect(await rows('select unreachable from addresses')).toEqual([{ unreachable: '131026' }]);
    talk.bench.whatsapp.faults.length = 0;
    await hearsText('still here');
    expect(await rows('select unreachable from addresses')).toEqual([{ unreachable: null }]);
  });

  const outsideOf = () => talk.bench.outside.connections.list(talk.creatorId);
});
