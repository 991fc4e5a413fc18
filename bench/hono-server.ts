/** The yardstick of idle sockets: a bare Hono server with the sockets of its Node adapter. */
import type { AddressInfo } from 'node:net';
import { createAdaptorServer, upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server';
import { Hono } from 'hono';
import { WebSocketServer } from 'ws';

const app = new Hono();
app.get(
  '/',
  upgradeWebSocket(() => ({
    onMessage: ({ data }, socket) => socket.send(String(data)),
  })),
);
const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
const server = createAdaptorServer({ fetch: app.fetch, websocket: { server: webSockets as unknown as WebSocketServerLike } });
server.listen(0, '127.0.0.1', () => console.log(`up on ${(server.address() as AddressInfo).port}`));
process.once('SIGTERM', () => process.exit(0));
