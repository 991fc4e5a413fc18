import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { mediaLimits } from '../../src/media/media.ts';
import { storedBytes } from '../../src/store/media.ts';
import { testWidgetServer } from '../support/widget-channel.ts';
import { connectWidget } from '../support/widget-client.ts';

const { base, begin, clock, creatorId, database, folder, media, otherCreatorId, serving, socketUrl, ticket } = await testWidgetServer();
/** Kept as it is, as an animation would be lost. */
const gif = new Uint8Array(24);
gif.set(new TextEncoder().encode('GIF89a'));

interface Medium {
  id: string;
  kind: string;
  name: string;
  url: string;
}

function upload(token: string, bytes: Uint8Array, name = 'photo.png', creator = creatorId): Promise<Response> {
  const form = new FormData();
  form.set('file', new Blob([new Uint8Array(bytes)], { type: 'text/html' }), name);
  return fetch(`${base(creator)}/media`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: form });
}

const fetchFile = (url: string, headers: Record<string, string> = {}) => fetch(`http://127.0.0.1:${serving.port}${url}`, { headers });

describe('files in the widget', () => {
  it('go up, into a message, and down by a signed link', async () => {
    const session = await begin();
    const answer = await upload(session.token, gif, '../../etc/pass\u202Ewd.html');
    expect(answer.status).toBe(201);
    const medium = (await answer.json()) as Medium;
    expect(medium).toMatchObject({ kind: 'image', type: 'image/gif', name: 'passwd.gif', bytes: gif.byteLength });

    const client = await connectWidget(socketUrl(), { protocols: ['coach.v1', `ticket.${await ticket(session)}`] });
    client.send({ type: 'hello' });
    client.send({ type: 'message', id: crypto.randomUUID(), text: '', attachments: [medium.id] });
    const heard = await client.next(({ type }) => type === 'message');
    client.socket.close();
    const [attachment] = heard.attachments as Medium[];

    const file = await fetchFile(attachment?.url ?? '');
    expect(file.status).toBe(200);
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(gif);
    expect(file.headers.get('content-type')).toBe('image/gif');
    expect(file.headers.get('content-security-policy')).toContain('sandbox');
    expect(file.headers.get('x-content-type-options')).toBe('nosniff');
    expect(file.headers.get('cross-origin-resource-policy')).toBe('cross-origin');

    const member = await fetch(`http://127.0.0.1:${serving.port}/api/v1/creators/media/${medium.id}`);
    expect(await member.json()).toMatchObject({ id: medium.id, url: expect.stringContaining(medium.id) });
  });

  it('that are pictures come small as well, behind the same link, and go with the large ones', async () => {
    const session = await begin();
    const stored = () => database.tenant(creatorId, (sql) => storedBytes(sql, creatorId, session.conversationId));
    const photo = sharp({ create: { width: 3000, height: 1500, channels: 3, background: '#0a6' } });
    const answer = await upload(session.token, new Uint8Array(await photo.jpeg().toBuffer()), 'holiday.jpeg');
    const medium = (await answer.json()) as Medium & { bytes: number };
    expect(medium).toMatchObject({ type: 'image/jpeg', name: 'holiday.jpg', width: 2048, height: 1024 });
    const small = await fetchFile(`${medium.url}&size=preview`);
    expect(small.headers.get('content-type')).toBe('image/webp');
    const bytes = new Uint8Array(await small.arrayBuffer());
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width: 640, height: 320 });
    expect((await stored()).conversation).toBe(medium.bytes + bytes.byteLength);
    expect((await fetchFile(`${medium.url}&size=huge`)).status).toBe(400);
    expect(await media.ofConversation(creatorId, session.conversationId, [medium.id])).toMatchObject([{ width: 2048, height: 1024 }]);

    const other = (await (await upload(session.token, gif)).json()) as Medium;
    expect((await fetchFile(`${other.url}&size=preview`)).headers.get('content-type')).toBe('image/gif');
    await media.forget(creatorId, session.conversationId);
    expect(await media.preview(creatorId, medium.id)).toBeNull();
    expect(await readdir(join(folder, creatorId))).not.toContain(medium.id);
    expect((await stored()).conversation).toBe(0);
  });

  it('that are no picture though they begin like one are refused', async () => {
    const bytes = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 11, 8, 0, 9, 0, 9, 3, 0, 0]);
    expect((await upload((await begin()).token, bytes)).status).toBe(400);
  });

  it('come in ranges, as Safari asks for sound', async () => {
    const { url } = (await (await upload((await begin()).token, gif)).json()) as Medium;
    const part = await fetchFile(url, { range: 'bytes=1-3' });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, `bytes 1-3/${gif.byteLength}`, 'IF8']);
    expect((await fetchFile(url, { range: 'bytes=20-' })).headers.get('content-length')).toBe('4');
    expect((await fetchFile(url, { range: 'bytes=9999-' })).status).toBe(200);
  });

  it('other than pictures, sound and film are downloaded, not shown', async () => {
    const { url } = (await (await upload((await begin()).token, new TextEncoder().encode('my diary'), 'diary.htm')).json()) as Medium;
    const file = await fetchFile(url);
    expect(file.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''diary.txt");
    expect(file.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  it.each([
    ['a page', new TextEncoder().encode('<html>'), 415],
    ['nothing', new Uint8Array(), 400],
    ['eleven megabytes', new Uint8Array(11 * 1024 * 1024).fill(65), 413],
  ])('are refused: %s', async (_name, bytes, status) => {
    expect((await upload((await begin()).token, bytes)).status).toBe(status);
  });

  it('need a session of this creator, and stay within the conversation', async () => {
    const mine = await begin();
    const theirs = await begin();
    expect((await upload('nonsense', gif)).status).toBe(401);
    expect((await upload(mine.token, gif, 'x.png', otherCreatorId)).status).toBe(401);
    const { id } = (await (await upload(theirs.token, gif)).json()) as Medium;
    const link = (token: string) => fetch(`${base(creatorId)}/media/${id}`, { headers: { authorization: `Bearer ${token}` } });
    expect((await link(theirs.token)).status).toBe(200);
    expect((await link(mine.token)).status).toBe(400);
    await expect(media.ofConversation(creatorId, mine.conversationId, [id])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await media.read(otherCreatorId, id)).toBeNull();
  });

  it('are answered 403 once the link has run out, and a new link can be had', async () => {
    const session = await begin();
    const { id, url } = (await (await upload(session.token, gif)).json()) as Medium;
    clock.advance(2 * 60 * 60_000);
    expect((await fetchFile(url)).status).toBe(403);
    expect((await fetchFile(url.replace(/expires=\d+/, 'expires=99999999999'))).status).toBe(403);
    const renewed = await fetch(`${base(creatorId)}/media/${id}`, { headers: { authorization: `Bearer ${session.token}` } });
    expect((await fetchFile(((await renewed.json()) as Medium).url)).status).toBe(200);
  });

  it('are limited in number and in space', async () => {
    const session = await begin();
    const answers: number[] = [];
    for (let count = 0; count < 41; count++) answers.push((await upload(session.token, gif)).status);
    expect(answers.slice(-2)).toEqual([201, 429]);

    const other = await begin();
    const bytes = new Uint8Array(mediaLimits.file);
    bytes.set(gif);
    const most = Math.floor(mediaLimits.conversation / mediaLimits.file);
    const keep = () => media.keep(creatorId, { conversationId: other.conversationId, name: 'big', bytes });
    for (let count = 0; count < most; count++) await keep();
    await expect(keep()).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  it('go with the conversation they were sent in', async () => {
    const session = await begin();
    const { id, url } = (await (await upload(session.token, gif)).json()) as Medium;
    await media.forget(creatorId, session.conversationId);
    expect(await media.read(creatorId, id)).toBeNull();
    expect((await fetchFile(url)).status).toBe(404);
  });
});
