/** Clients that do not read: over real sockets, where the system's own buffers fill first. */
import { expect, it, vi } from 'vitest';
import { testWidgetServer } from '../support/widget-channel.ts';
import { connectWidget } from '../support/widget-client.ts';

const server = await testWidgetServer();
const { begin, clock, mailboxes, socketUrl, sockets, ticket } = server;

const text = 'x'.repeat(50_000);
const said = 800;
/** What the systems at both ends may hold of a connection (tcp_wmem, tcp_rmem), and our own megabyte. */
const mostBytes = 16 * 1024 * 1024;

it('closes who does not read for 10 s, has kept no more than a megabyte for them, and cuts off who is dead', async () => {
  const connect = async () => {
    const session = await begin();
    const client = await connectWidget(socketUrl(), { protocols: ['coach.v1', `ticket.${await ticket(session)}`] });
    client.send({ type: 'hello', after: 0 });
    await client.next(({ type }) => type === 'welcome');
    client.socket.pause();
    return { session, client };
  };
  const [slow, dead] = [await connect(), await connect()];
  for (let n = 0; n < said; n += 1) for (const { session } of [slow, dead]) mailboxes.say(session, { text });
  // What can be sent goes out now, while both sockets count as not reading.
  for (let waited = 0; waited < 10_500; waited += 250) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(250);
  }
  slow.client.socket.resume();
  expect(await slow.client.closed).toBe(1013);
  const received = slow.client.frames.filter(({ type }) => type === 'message').length;
  expect(received * text.length).toBeLessThan(mostBytes);
  expect(received).toBeLessThan(said);
  await vi.waitFor(() => expect(sockets.size()).toBe(0), 8_000);
  dead.client.socket.terminate();
});
