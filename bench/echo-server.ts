/** The yardstick: a bare `ws` server that sends back what it hears. */
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, clientTracking: false }, () => {
  console.log(`up on ${(server.address() as AddressInfo).port}`);
});
server.on('connection', (socket) => socket.on('message', (data) => socket.send(data, { binary: false })));
process.once('SIGTERM', () => process.exit(0));
