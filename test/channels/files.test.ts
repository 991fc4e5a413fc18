/** Files that a member sends: uploaded to the provider that shows them, named by a link where it does not. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConversationId, type CreatorId, systemIds } from '../../src/ids.ts';
import type { Attachment } from '../../src/message.ts';
import { deliveriesOf } from '../../src/store/deliveries.ts';
import { emptyDatabase, testCreator, testDatabase } from '../support/database.ts';
import { type OutsideBench, openOutside } from '../support/outside.ts';
import { botToken, textUpdate } from '../support/telegram-stand-in.ts';
import { inbound, webhookBody, whatsappAccount } from '../support/whatsapp-stand-in.ts';

const db = await testDatabase();
let bench: OutsideBench;
let creatorId: CreatorId;

beforeEach(async () => {
  await emptyDatabase(db);
  bench = await openOutside(db);
  creatorId = await testCreator(db);
});
afterEach(() => bench.stop());

const content = new Uint8Array([1, 2, 3]);

function fileOf(type: string, bytes = 3): Attachment {
  const kind = /^(image|audio|video)\//.exec(type)?.[1] ?? 'file';
  const medium = { id: systemIds.uuid(), kind: kind as Attachment['kind'], type, name: `a.${type.split('/')[1]}`, bytes };
  bench.files.set(medium.id, { medium, bytes: content });
  return medium;
}

async function sends(attachments: readonly Attachment[], text = ''): Promise<void> {
  const [only] = await db.tenant(creatorId, (sql) => sql<{ id: ConversationId }>('select id from conversations'));
  const key = { creatorId, conversationId: only?.id as ConversationId };
  await bench.runtime.mailboxes.deliver(key, {
    ...{ id: systemIds.uuid(), kind: 'control', act: 'say', text, messageId: systemIds.uuid() },
    attachments,
  });
  await bench.settled();
}

async function standing(): Promise<string[]> {
  const [only] = await db.tenant(creatorId, (sql) => sql<{ id: ConversationId; seq: number }>('select id, seq from conversations'));
  const found = await deliveriesOf(db, { creatorId, conversationId: only?.id as ConversationId }, [only?.seq ?? 0]);
  return found.map(({ status, reason }) => `${status}${reason === null ? '' : `: ${reason}`}`);
}

describe('on WhatsApp', () => {
  const sent = () => bench.whatsapp.sent.map(({ type, body }) => [type, body[type]]);
  beforeEach(async () => {
    const connection = await bench.connect(creatorId, { channel: 'whatsapp', ...whatsappAccount });
    const hello = inbound('wamid.1', { phone: '351911000111' }, { type: 'text', text: { body: 'hello' } });
    await bench.fromMeta(connection, webhookBody(hello));
    await bench.settled();
    bench.whatsapp.sent.length = 0;
  });

  it.each([
    ['image/png', 'image', {}],
    ['audio/ogg', 'audio', {}],
    ['video/mp4', 'video', {}],
    ['application/pdf', 'document', { filename: 'a.pdf' }],
  ])('%s is uploaded and sent as %s, before the words', async (mime, type, extra) => {
    await sends([fileOf(mime)], 'Look');
    const [id, file] = [...bench.whatsapp.uploads][0] ?? [];
    expect(new Uint8Array((await file?.arrayBuffer()) ?? new ArrayBuffer())).toEqual(content);
    expect(sent()).toEqual([
      [type, { id, ...extra }],
      ['text', { body: 'Look', preview_url: false }],
    ]);
    expect(await standing()).toEqual(['sent']);
  });

  it.each([
    ['of a kind it does not show', 'image/gif', 3],
    ['a picture too large for it', 'image/png', 6 * 1024 * 1024],
  ])('is named by a link where it is %s', async (_, mime, bytes) => {
    const file = fileOf(mime, bytes);
    await sends([file]);
    expect(sent()).toEqual([
      ['text', { body: `📎 ${file.name}\nhttps://coach.example/media/${creatorId}/${file.id}`, preview_url: false }],
    ]);
  });

  it('is named by a link where the upload is refused', async () => {
    bench.whatsapp.uploadFaults.push(131053);
    await sends([fileOf('image/png')]);
    expect(sent().map(([type]) => type)).toEqual(['text']);
  });

  it('is uploaded again after the upload was cut off, and sent once', async () => {
    bench.whatsapp.uploadFaults.push('timeout');
    await sends([fileOf('image/png')]);
    expect(await standing()).toEqual(['queued: upload']);
    await bench.turn(10_000);
    expect(sent().map(([type]) => type)).toEqual(['image']);
  });

  it('fails with a reason when the file is gone', async () => {
    const file = fileOf('image/png');
    bench.files.clear();
    await sends([file]);
    expect(await standing()).toEqual(['failed: file is gone']);
  });
});

describe('on Telegram', () => {
  beforeEach(async () => {
    const connection = await bench.connect(creatorId, { channel: 'telegram', token: botToken });
    await bench.fromTelegram(connection, textUpdate(1, 4711, 'hello'));
    await bench.settled();
    bench.telegram.sent.length = 0;
  });

  it.each([
    ['image/png', 'sendPhoto', 'photo'],
    ['image/gif', 'sendDocument', 'document'],
    ['audio/ogg', 'sendVoice', 'voice'],
    ['audio/mpeg', 'sendAudio', 'audio'],
    ['audio/wav', 'sendDocument', 'document'],
    ['video/mp4', 'sendVideo', 'video'],
    ['application/pdf', 'sendDocument', 'document'],
  ])('%s goes along by %s', async (mime, method, field) => {
    await sends([fileOf(mime)]);
    expect(bench.telegram.sent).toMatchObject([{ method, params: { chat_id: '4711', [field]: { type: mime, size: 3 } } }]);
    expect(bench.telegram.broken).toEqual([]);
  });

  it('goes as a link when Telegram does not take it, and the words follow', async () => {
    bench.telegram.faults.push({ status: 400, description: 'Bad Request: PHOTO_INVALID_DIMENSIONS' });
    await sends([fileOf('image/png')], 'Look');
    expect(bench.telegram.sent.map(({ params }) => params.text)).toEqual([expect.stringContaining('https://coach.example/media/'), 'Look']);
  });
});
