/** Documents into a server in service: hostile and large ones with the memory they take, ordinary ones by the second. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { makeDocx } from '../test/support/make-docx.ts';
import { makePdf, makePdfOf } from '../test/support/make-pdf.ts';
import { table } from './report.ts';
import { startServer } from './server-process.ts';

const megabyte = 1_000_000;
const ordinary = 200;

/** Pieces of an upload, made as they are sent. */
type Content = () => Iterable<Uint8Array>;

function* repeated(text: string, bytes: number): Generator<Uint8Array> {
  const piece = Buffer.alloc(64 * 1024, text);
  for (let sent = 0; sent < bytes; sent += piece.length) yield piece;
}

/** A PDF with one page that inflates to so much. */
function deepPdf(bytes: number): Uint8Array {
  const stream = deflateSync(Buffer.alloc(bytes, 'BT (x) Tj ET '));
  return makePdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>',
    `<< /Length ${stream.byteLength} /Filter /FlateDecode >>\nstream\n${stream.toString('latin1')}\nendstream`,
  ]);
}

const words = 'Walk in the morning light and drink the last coffee before noon, then rest for eight hours. ';
const pages = (count: number, name: string) =>
  Array.from({ length: count }, (_, at) => `Page ${at} of ${name}\n${`${words}\n`.repeat(25)}`);

const large: readonly (readonly [name: string, content: Content])[] = [
  ['a text of 200 MB', () => repeated(words, 200 * megabyte)],
  ['a text of 3.9 MB', () => repeated(words, 3.9 * megabyte)],
  ['a PDF of 50,000 pages', () => [makePdf(['text'], { emptyPages: 50_000 })]],
  ['a PDF whose page inflates to 300 MB', () => [deepPdf(300 * megabyte)]],
  ['a Word document that inflates to 300 MB', () => [makeDocx(['x'.repeat(300 * megabyte)])]],
  ['a Word document that inflates to 90 MB', () => [makeDocx(['x'.repeat(90 * megabyte)])]],
  ['a PDF of 300 pages', () => [makePdf(pages(300, 'the book'))]],
];

/** Measures and gives the report in Markdown. */
export async function benchDocuments(): Promise<string> {
  const usual = await withServer({}, async (server) => {
    const peak = watch(server.pid);
    const began = performance.now();
    // Whoever goes on sending may find the connection ended before it has read the answer.
    const refused = await server.upload('a.txt', () => repeated(words, 200 * megabyte)).catch(() => ({ status: 'connection ended' }));
    return ['a text of 200 MB, with the usual cap of 25 MB', `refused, ${refused.status}`, seconds(began), ...(await peak())];
  });
  const rest = await withServer({ UPLOAD_MAX_BYTES: String(300 * megabyte) }, async (server) => {
    const rows: string[][] = [];
    for (const [name, content] of large) {
      const peak = watch(server.pid);
      const began = performance.now();
      rows.push([name, await server.settle((await server.upload(`${name}.txt`, content)).id), seconds(began), ...(await peak())]);
    }
    const peak = watch(server.pid);
    const began = performance.now();
    const ids: string[] = [];
    for (let at = 0; at < ordinary; at++) ids.push((await server.upload('a.pdf', () => [makePdf(pages(3, `file ${at}`))])).id);
    for (const id of ids) await server.settle(id);
    const rate = (ordinary * 1_000) / (performance.now() - began);
    return [...rows, [`${ordinary} PDFs of three pages`, `ready, ${rate.toFixed(1)} a second`, seconds(began), ...(await peak())]];
  });
  return [
    '### Documents: from the first byte of the upload until they answer or are refused, embedded',
    table(['', 'came to', 's', 'server grew by at most, MiB', 'reader held at most, MiB'], [usual, ...rest]),
  ].join('\n\n');
}

const seconds = (began: number) => ((performance.now() - began) / 1_000).toFixed(1);

interface Server {
  pid: number;
  upload(name: string, content: Content): Promise<{ status: number; id: string }>;
  /** Waits until the document is read; what it came to. */
  settle(id: string): Promise<string>;
}

async function withServer<T>(environment: Readonly<Record<string, string>>, work: (server: Server) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-bench-'));
  const settings = { PORT: '0', DEMO: 'false', LOG_LEVEL: 'error', DATA_DIR: folder, ...environment };
  const server = await startServer('src/main.ts', settings, 'is up.');
  try {
    const api = `http://127.0.0.1:${/:\/\/[^/\s]+:(\d+)/.exec(server.output)?.[1]}/api/v1`;
    const account = JSON.stringify({ email: 'bench@example.org', password: 'my first long passphrase', display_name: 'Bench' });
    const registered = await fetch(`${api}/auth/register`, {
      method: 'POST',
      body: account,
      headers: { 'Content-Type': 'application/json' },
    });
    const { access_token: token } = (await registered.json()) as { access_token: string };
    const headers = { Authorization: `Bearer ${token}` };
    return await work({
      pid: server.pid,
      async upload(name, content) {
        const answer = await fetch(`${api}/creators/documents`, {
          ...{ method: 'POST', duplex: 'half', body: Readable.toWeb(Readable.from(form(name, content()))) },
          headers: { ...headers, 'Content-Type': 'multipart/form-data; boundary=border' },
        } as RequestInit);
        const { document } = (await answer.json()) as { document?: { id: string } };
        return { status: answer.status, id: document?.id ?? '' };
      },
      async settle(id) {
        for (;;) {
          const answer = await fetch(`${api}/creators/documents/${id}`, { headers });
          const { document } = (await answer.json()) as { document: { status: string; chunks: number; reason: { code: string } | null } };
          if (document.status === 'ready') return `ready, ${document.chunks} chunks`;
          if (document.status === 'failed') return document.reason?.code ?? 'failed';
          await sleep(20);
        }
      },
    });
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function* form(name: string, content: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield Buffer.from(`--border\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`);
  yield* content;
  yield Buffer.from('\r\n--border--\r\n');
}

/** Watches the memory of a process and of its children; the result ends it and tells the growth of the one and the peak of the others. */
function watch(pid: number): () => Promise<[string, string]> {
  const before = residentMiB(pid);
  let [own, children] = [before, 0];
  const look = () => {
    own = Math.max(own, residentMiB(pid));
    for (const name of readdirSync('/proc'))
      if (/^\d+$/.test(name) && parentOf(name) === pid) children = Math.max(children, residentMiB(name));
  };
  const timer = setInterval(look, 50);
  return async () => {
    clearInterval(timer);
    look();
    return [(own - before).toFixed(0), children.toFixed(0)];
  };
}

function residentMiB(pid: number | string): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(statusOf(pid))?.[1] ?? 0) / 1_024;
}

function parentOf(pid: string): number {
  return Number(/^PPid:\s+(\d+)/m.exec(statusOf(pid))?.[1] ?? 0);
}

/** See proc(5); empty once the process has ended. */
function statusOf(pid: number | string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // it has ended since the folder was read
    return '';
  }
}
