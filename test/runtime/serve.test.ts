/** What every runtime must do for the server, run by `node --test` and by `deno test`. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { Hono } from 'hono';
import type { Connection, ServedSocket } from '../../src/channels/connection.ts';
import { createSockets } from '../../src/http/socket.ts';
import type { Log } from '../../src/log.ts';
import { connectWidget, RefusedUpgrade } from '../support/widget-client.ts';

const { connInfo, serve, upgradeWebSocket } =
  'Deno' in globalThis ? await import('../../src/runtime/deno.ts') : await import('../../src/runtime/node.ts');

const log: Log = { info() {}, warn() {}, error() {} };
const protocols = ['coach.v1', 'ticket.secret'];
const server = await serveEcho();
after(() => server.serving.close());

/** A server whose sockets say back what they hear. */
async function serveEcho() {
  const heard = { closed: 0, binary: 0, asked: 0, decision: Promise.withResolvers<void>() };
  const sockets = createSockets({ upgradeWebSocket, random: () => 0.5 });
  const app = new Hono();
  app.get('/address', (c) => c.text(connInfo(c).remote.address ?? ''));
  app.post('/size', async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)));
  app.get('/stream', (c) => c.body(new ReadableStream({ start: tellSlowly })));
  app.get('/slow-socket', async (c, next) => {
    heard.asked++;
    await heard.decision.promise;
    return sockets.serve({ creatorId: 'c' }, (connection) => echo(connection, heard))(c, next);
  });
  app.get('/refused', (c) => c.json({ error: 'no' }, 401));
  app.get('/socket', (c, next) => {
    sockets.admit(c.req.header('Upgrade'));
    return sockets.serve({ creatorId: 'c' }, (connection) => echo(connection, heard))(c, next);
  });
  app.onError((error, c) => c.text(error.message, 400));
  const serving = await serve({ app, sockets, host: '127.0.0.1', port: 0, log });
  const { port } = serving;
  return { heard, sockets, serving, http: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}`, port };
}

function echo(connection: Connection, heard: { closed: number; binary: number }): ServedSocket {
  return {
    onText(text) {
      if (text === 'escape') throw new Error('escaped');
      connection.send(JSON.stringify({ type: 'echo', text, buffered: connection.bufferedAmount() }));
    },
    onBinary() {
      heard.binary++;
      connection.close(1003, 'text only');
    },
    onClose() {
      heard.closed++;
    },
    endSession: () => undefined,
    configChanged: () => undefined,
    leave(retryAfterMs) {
      connection.send(JSON.stringify({ type: 'closing', retry_after_ms: retryAfterMs }));
      connection.close(1001, 'shutdown');
    },
  };
}

function tellSlowly(controller: ReadableStreamDefaultController<Uint8Array>): void {
  controller.enqueue(new TextEncoder().encode('one '));
  setTimeout(() => {
    controller.enqueue(new TextEncoder().encode('two'));
    controller.close();
  }, 50);
}

/** Everything the server answers to raw bytes, until it closes the connection. */
function exchange(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(server.port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}

test('answers requests, reads bodies and streams', async () => {
  assert.equal(await (await fetch(`${server.http}/size`, { method: 'POST', body: 'x'.repeat(100_000) })).text(), '100000');
  assert.equal(await (await fetch(`${server.http}/stream`)).text(), 'one two');
});

test('tells the address of the other end', async () => {
  assert.equal(await (await fetch(`${server.http}/address`)).text(), '127.0.0.1');
});

test('upgrades with the subprotocol it speaks, without compression, and passes text on', async () => {
  const client = await connectWidget(`${server.ws}/socket`, { protocols });
  assert.equal(client.socket.protocol, 'coach.v1');
  assert.equal(client.socket.extensions, '');
  client.send('héllo');
  assert.deepEqual(await client.next(({ type }) => type === 'echo'), { type: 'echo', text: 'héllo', buffered: 0 });
  client.socket.close(1000);
  assert.equal(await client.closed, 1000);
});

test('refuses an upgrade with the answer of the route', async () => {
  for (const [path, status, body] of [
    ['/refused', 401, '{"error":"no"}'],
    ['/address', 200, '127.0.0.1'],
    ['/nowhere', 404, '404 Not Found'],
  ] as const) {
    await assert.rejects(
      connectWidget(server.ws + path, { protocols }),
      (error) => error instanceof RefusedUpgrade && error.status === status && error.body === body,
    );
  }
  assert.equal((await fetch(`${server.http}/socket`)).status, 400);
});

test('closes a frame above 64 KiB with 1009, invalid UTF-8 with 1007 and binary with 1003', async () => {
  const attacks = [
    [1009, 'x'.repeat(64 * 1024 + 1), false],
    [1009, 'x'.repeat(10_000_000), false],
    [1007, Buffer.from([0xc3, 0x28]), false],
    [1003, Buffer.from([1, 2, 3]), true],
  ] as const;
  for (const [code, data, binary] of attacks) {
    const client = await connectWidget(`${server.ws}/socket`, { protocols });
    client.socket.on('error', () => undefined);
    client.socket.send(data, { binary });
    assert.equal(await client.closed, code);
  }
  assert.equal(server.heard.binary, 1);
});

test('ends a socket whose handler fails, and nobody else’s', async () => {
  const [failing, other] = [
    await connectWidget(`${server.ws}/socket`, { protocols }),
    await connectWidget(`${server.ws}/socket`, { protocols }),
  ];
  failing.send('escape');
  assert.equal(await failing.closed, 1011);
  other.send('here');
  await other.next(({ type }) => type === 'echo');
  other.socket.close();
  await other.closed;
});

test('takes a frame of exactly 64 KiB', async () => {
  const client = await connectWidget(`${server.ws}/socket`, { protocols });
  client.send('x'.repeat(64 * 1024));
  await client.next(({ type }) => type === 'echo');
  client.socket.close();
  await client.closed;
});

test('forgets sockets that have closed', async () => {
  const before = server.heard.closed;
  const client = await connectWidget(`${server.ws}/socket`, { protocols });
  client.send('here');
  await client.next(({ type }) => type === 'echo');
  assert.equal(server.sockets.size(), 1);
  client.socket.terminate();
  while (server.heard.closed === before) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.sockets.size(), 0);
});

// CVE-2026-126343 of @hono/node-server before 2.1.6: the process ended.
test('survives a connection that is reset while its upgrade is decided', async () => {
  const handshake = ['GET /slow-socket HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  const socket = connect(server.port, '127.0.0.1', () =>
    socket.write(`${handshake.join('\r\n')}\r\nSec-WebSocket-Key: ${btoa('0123456789abcdef')}\r\n\r\n`),
  );
  while (server.heard.asked === 0) await new Promise((resolve) => setImmediate(resolve));
  socket.resetAndDestroy();
  server.heard.decision.resolve();
  assert.equal(await (await fetch(`${server.http}/address`)).text(), '127.0.0.1');
  assert.equal(server.sockets.size(), 0);
});

test('refuses headers above 16 KiB', async () => {
  const answer = await exchange(`GET /address HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(17_000)}\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 431 /);
});

test('rejects when the port is taken', async () => {
  const sockets = createSockets({ upgradeWebSocket, random: () => 0 });
  await assert.rejects(serve({ app: new Hono(), sockets, host: '127.0.0.1', port: server.port, log }), { code: 'EADDRINUSE' });
});

test('finishes what is under way, says goodbye to sockets and takes nothing new', async () => {
  const leaving = await serveEcho();
  const client = await connectWidget(`${leaving.ws}/socket`, { protocols });
  client.send('here');
  await client.next(({ type }) => type === 'echo');
  const slow = await fetch(`${leaving.http}/stream`);
  const closed = leaving.serving.close();
  assert.equal(await slow.text(), 'one two');
  assert.equal(await client.closed, 1001);
  assert.equal(client.frames.at(-1)?.type, 'closing');
  await closed;
  assert.equal(leaving.serving.close(), closed);
  await assert.rejects(fetch(`${leaving.http}/address`));
});
