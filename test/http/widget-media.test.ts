import { describe, expect, it } from 'vitest';
import { mediaLimits } from '../../src/media/media.ts';
import { testWidgetServer } from '../support/widget-channel.ts';
import { connectWidget } from '../support/widget-client.ts';

const { base, begin, clock, creatorId, media, otherCreatorId, serving, socketUrl, ticket } = await testWidgetServer();
const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1]);

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
    const answer = await upload(session.token, png, '../../etc/pass\u202Ewd.html');
    expect(answer.status).toBe(201);
    const medium = (await answer.json()) as Medium;
    expect(medium).toMatchObject({ kind: 'image', type: 'image/png', name: 'passwd.png', bytes: png.byteLength });

    const client = await connectWidget(socketUrl(), { protocols: ['coach.v1', `ticket.${await ticket(session)}`] });
    client.send({ type: 'hello' });
    client.send({ type: 'message', id: crypto.randomUUID(), text: '', attachments: [medium.id] });
    const heard = await client.next(({ type }) => type === 'message');
    client.socket.close();
    const [attachment] = heard.attachments as Medium[];

    const file = await fetchFile(attachment?.url ?? '');
    expect(file.status).toBe(200);
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(png);
    expect(file.headers.get('content-type')).toBe('image/png');
    expect(file.headers.get('content-security-policy')).toContain('sandbox');
    expect(file.headers.get('x-content-type-options')).toBe('nosniff');
    expect(file.headers.get('cross-origin-resource-policy')).toBe('cross-origin');

    const member = await fetch(`http://127.0.0.1:${serving.port}/api/v1/creators/media/${medium.id}`);
    expect(await member.json()).toMatchObject({ id: medium.id, url: expect.stringContaining(medium.id) });
  });

  it('come in ranges, as Safari asks for sound', async () => {
    const { url } = (await (await upload((await begin()).token, png)).json()) as Medium;
    const part = await fetchFile(url, { range: 'bytes=1-3' });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, `bytes 1-3/${png.byteLength}`, 'PNG']);
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
    expect((await upload('nonsense', png)).status).toBe(401);
    expect((await upload(mine.token, png, 'x.png', otherCreatorId)).status).toBe(401);
    const { id } = (await (await upload(theirs.token, png)).json()) as Medium;
    const link = (token: string) => fetch(`${base(creatorId)}/media/${id}`, { headers: { authorization: `Bearer ${token}` } });
    expect((await link(theirs.token)).status).toBe(200);
    expect((await link(mine.token)).status).toBe(400);
    await expect(media.ofConversation(creatorId, mine.conversationId, [id])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await media.read(otherCreatorId, id)).toBeNull();
  });

  it('are answered 403 once the link has run out, and a new link can be had', async () => {
    const session = await begin();
    const { id, url } = (await (await upload(session.token, png)).json()) as Medium;
    clock.advance(2 * 60 * 60_000);
    expect((await fetchFile(url)).status).toBe(403);
    expect((await fetchFile(url.replace(/expires=\d+/, 'expires=99999999999'))).status).toBe(403);
    const renewed = await fetch(`${base(creatorId)}/media/${id}`, { headers: { authorization: `Bearer ${session.token}` } });
    expect((await fetchFile(((await renewed.json()) as Medium).url)).status).toBe(200);
  });

  it('are limited in number and in space', async () => {
    const session = await begin();
    const answers: number[] = [];
    for (let count = 0; count < 41; count++) answers.push((await upload(session.token, png)).status);
    expect(answers.slice(-2)).toEqual([201, 429]);

    const other = await begin();
    const bytes = new Uint8Array(mediaLimits.file);
    bytes.set(png);
    const most = Math.floor(mediaLimits.conversation / mediaLimits.file);
    const keep = () => media.keep(creatorId, { conversationId: other.conversationId, name: 'big', bytes });
    for (let count = 0; count < most; count++) await keep();
    await expect(keep()).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  it('go with the conversation they were sent in', async () => {
    const session = await begin();
    const { id, url } = (await (await upload(session.token, png)).json()) as Medium;
    await media.forget(creatorId, session.conversationId);
    expect(await media.read(creatorId, id)).toBeNull();
    expect((await fetchFile(url)).status).toBe(404);
  });
});
