/** An Ollama server for tests: the documented protocol on a loopback port, with its faults on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What goes wrong. */
export type OllamaFault =
  | 'busy' // 503 to everything
  | 'busy-once' // 503 to the first request only
  | 'missing-model' // 404
  | 'html' // a proxy's page with status 200
  | 'mid-stream-error' // {"error"} after some tokens, still status 200
  | 'half-stream' // the connection ends after some tokens
  | 'silent' // accepts and never answers
  | 'stalls' // some tokens, then nothing
  | 'stalls-late' // every token, but no end
  | 'slow' // a token every tenth of a second
  | 'not-json'
  | 'bad-embedding' // fewer vectors than texts
  | null;

/** A request as it arrived. */
export interface OllamaCall {
  path: string;
  body: Record<string, unknown>;
}

/** The running stand-in. */
export interface OllamaServer {
  url: string;
  calls: OllamaCall[];
  /** Fetched anew: another make of the models of this family under the same name. */
  changeDigest(digest: string, family?: string): void;
  /** Changes what goes wrong from now on, with everything or with the paths named alone. */
  setFault(fault: OllamaFault, paths?: readonly string[]): void;
  /** Resolves when a client has closed a connection before its answer was complete. */
  abandoned: Promise<void>;
  close(): Promise<void>;
}

/** Starts the stand-in; it ends with the calling test. `reply` writes the answer to a chat. */
export async function startOllama(
  options: {
    fault?: OllamaFault;
    reply?: (body: Record<string, unknown>) => string;
    /** Characters of the longest text it embeds. */
    longest?: number;
  } = {},
): Promise<OllamaServer> {
  let fault = options.fault ?? null;
  let faulty: readonly string[] | null = null;
  const digests = new Map<string, string>();
  const reply = options.reply ?? (() => 'You can cancel up to 24 hours before [1].');
  const calls: OllamaCall[] = [];
  const abandoned = Promise.withResolvers<void>();

  const server = createServer((request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) abandoned.resolve();
    });
    readBody(request).then((body) => {
      const path = request.url ?? '';
      calls.push({ path, body });
      const wrong = faulty === null || faulty.includes(path) ? fault : null;
      if (!fail(response, wrong, calls.length)) answer(path, body, response, wrong);
    }, response.destroy.bind(response));
  });

  function answer(path: string, body: Record<string, unknown>, response: ServerResponse, fault: OllamaFault): void {
    if (path === '/api/tags') return json(response, 200, { models: installed(digests) });
    if (path === '/api/pull') return pull(response, fault);
    if (path === '/api/embed' && (body.input as string[]).some((text) => text.length > (options.longest ?? Number.POSITIVE_INFINITY)))
      return json(response, 400, { error: 'the input length exceeds the context length' });
    if (path === '/api/embed') return json(response, 200, { model: body.model, embeddings: embed(body.input as string[], fault) });
    if (path === '/api/chat') return stream(response, String(body.model), reply(body), fault);
    return json(response, 404, { error: 'not found' });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    abandoned: abandoned.promise,
    close,
    changeDigest(digest, family = 'nomic-embed-text') {
      digests.set(family, digest);
    },
    setFault(next, paths) {
      fault = next;
      faulty = paths ?? null;
    },
  };
}

function fail(response: ServerResponse, fault: OllamaFault, count: number): boolean {
  if (fault === 'silent') return true;
  if (fault === 'busy' || (fault === 'busy-once' && count === 1)) {
    json(response, 503, { error: 'server busy, please try again. maximum pending requests exceeded' });
  } else if (fault === 'missing-model') json(response, 404, { error: 'model "test-chat" not found, try pulling it first' });
  else if (fault === 'html') response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html><body>Gateway</body></html>\n');
  else return false;
  return true;
}

const installed = (digests: ReadonlyMap<string, string>) =>
  ['test-chat', 'other-chat', 'nomic-embed-text'].map((family) => ({
    name: `${family}:latest`,
    digest: digests.get(family) ?? 'a1b2',
    size: 274_000_000,
    details: { parameter_size: '137M' },
  }));

function pull(response: ServerResponse, fault: OllamaFault): void {
  const lines = [
    { status: 'pulling manifest' },
    { status: 'pulling a1b2', digest: 'a1b2', total: 100, completed: 40 },
    { status: 'success' },
  ];
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  const told = fault === 'mid-stream-error' ? [lines[0], { error: 'no space left on device' }] : lines;
  response.end(told.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function stream(response: ServerResponse, model: string, text: string, fault: OllamaFault): void {
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  const pieces = text.match(/\S+\s*/g) ?? [];
  const line = (content: string, done: boolean) =>
    `${JSON.stringify({ model, created_at: '2026-01-01T00:00:00Z', message: { role: 'assistant', content }, done, ...(done ? { done_reason: 'stop', total_duration: 5_000_000 } : {}) })}\n`;
  const broken = fault === 'mid-stream-error' || fault === 'half-stream' || fault === 'stalls' || fault === 'not-json';
  if (fault === 'slow') return trickle(response, [...pieces.map((piece) => line(piece, false)), line('', true)]);
  for (const piece of broken ? pieces.slice(0, 2) : pieces) response.write(line(piece, false));
  if (fault === 'mid-stream-error') response.end(`${JSON.stringify({ error: 'llama runner process has terminated' })}\n`);
  else if (fault === 'half-stream') response.destroy();
  else if (fault === 'not-json') response.end('}{\n');
  else if (fault !== 'stalls' && fault !== 'stalls-late') response.end(line('', true));
}

function trickle(response: ServerResponse, [line, ...rest]: readonly string[]): void {
  if (line === undefined) response.end();
  else if (response.write(line)) setTimeout(trickle, 100, response, rest);
}

/** Deterministic: a text is a point by its letters. */
function embed(input: string[], fault: OllamaFault): number[][] {
  const vectors = input.map((text) => {
    const vector = new Array<number>(768).fill(0);
    for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
      const at = [...word].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 768, 7);
      vector[at] = (vector[at] ?? 0) + 1;
    }
    const norm = Math.hypot(...vector) || 1;
    return vector.map((value) => value / norm);
  });
  return fault === 'bad-embedding' ? vectors.slice(1) : vectors;
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const piece of request) text += piece;
  return text === '' ? {} : JSON.parse(text);
}
