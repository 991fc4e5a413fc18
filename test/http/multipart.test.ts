import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { receiveUpload } from '../../src/http/multipart.ts';

const maxBytes = 100_000;

const app = new Hono();
app.post('/', (c) =>
  receiveUpload(c, maxBytes, async ({ name, content, fields }) => {
    const hash: number[] = [];
    for await (const piece of content) hash.push(...piece);
    return c.json({ name, text: new TextDecoder().decode(Uint8Array.from(hash)), fields: await fields() });
  }),
);
app.onError((error, c) => c.json({ code: error instanceof AppError ? error.code : String(error) }));

const part = (disposition: string, text: string) => `--B\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${text}\r\n`;
const file = (text: string) => part('name="file"; filename="a.txt"', text);

/** The body in pieces of so many bytes. */
async function send(body: string, pieceBytes = 7, type = 'multipart/form-data; boundary=B') {
  const bytes = new TextEncoder().encode(body);
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + pieceBytes));
      at += pieceBytes;
    },
  });
  const init = { method: 'POST', body: stream, duplex: 'half', headers: { 'Content-Type': type } };
  return (await app.request('/', init as RequestInit)).json();
}

describe('an upload in pieces', () => {
  test.each([1, 2, 3, 5, 64, 10_000])('of %i bytes is the same upload', async (pieceBytes) => {
    const text = 'line\r\n--Almost a border\r\n--';
    const body = `preamble\r\n${part('name="title"', 'Günther')}${file(text)}${part('name="collection"', 'sleep')}--B--\r\nepilogue`;
    expect(await send(body, pieceBytes)).toEqual({ name: 'a.txt', text, fields: { title: 'Günther', collection: 'sleep' } });
  });

  test('is what every client writes', async () => {
    const form = new FormData();
    form.append('file', new File(['x'.repeat(90_000)], 'quo"te\\ ü.txt'));
    form.append('title', 'Zeile 1\r\nZeile 2');
    const answer = await (await app.request('/', { method: 'POST', body: form })).json();
    expect(answer).toEqual({ name: 'quo"te\\ ü.txt', text: 'x'.repeat(90_000), fields: { title: 'Zeile 1\r\nZeile 2' } });
  });

  test.each([
    ['no form', 'x', 'text/plain', 'UNSUPPORTED_MEDIA'],
    ['no border', 'x', 'multipart/form-data', 'UNSUPPORTED_MEDIA'],
    ['nothing', '', undefined, 'INVALID_INPUT'],
    ['another border', '--C\r\n', undefined, 'INVALID_INPUT'],
    ['a form that is cut off', file('text').slice(0, -4), undefined, 'INVALID_INPUT'],
    ['no file', `${part('name="title"', 'x')}--B--`, undefined, 'INVALID_INPUT'],
    ['a file without a name for it', `${part('name="file"', 'x')}--B--`, undefined, 'INVALID_INPUT'],
    ['a field twice', `${part('name="title"', 'x')}${part('name="title"', 'x')}${file('')}--B--`, undefined, 'INVALID_INPUT'],
    ['a file twice', `${file('')}${file('')}--B--`, undefined, 'INVALID_INPUT'],
    ['a field that is a file', `${file('')}${part('name="title"; filename="x"', 'x')}--B--`, undefined, 'INVALID_INPUT'],
    ['a long field', `${file('')}${part('name="title"', 'x'.repeat(3_000))}--B--`, undefined, 'INVALID_INPUT'],
    ['a field with NUL', `${file('')}${part('name="title"', '\0')}--B--`, undefined, 'INVALID_INPUT'],
    ['a part without a name', `--B\r\n\r\nx\r\n${file('')}--B--`, undefined, 'INVALID_INPUT'],
    ['endless headers', `--B\r\n${'X: y\r\n'.repeat(2_000)}`, undefined, 'INVALID_INPUT'],
    ['a file one byte too large', `${file('x'.repeat(maxBytes + 1))}--B--`, undefined, 'TOO_LARGE'],
    ['an endless preamble', 'x'.repeat(300_000), undefined, 'TOO_LARGE'],
  ])('of %s is refused', async (_, body, type, code) => {
    expect(await send(body, 1_000, type)).toEqual({ code });
  });

  test('is cut where it is too large: what comes after is never read', async () => {
    let sent = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(sent === 0 ? new TextEncoder().encode(file('').slice(0, -2)) : new Uint8Array(1_000));
        sent += 1;
      },
    });
    const headers = { 'Content-Type': 'multipart/form-data; boundary=B' };
    const answer = await app.request('/', { method: 'POST', body: stream, duplex: 'half', headers } as RequestInit);
    expect(await answer.json()).toEqual({ code: 'TOO_LARGE' });
    expect(sent).toBeLessThan(110);
  });
});
