/** Who is looking is known to every node: it is told to the others by Redis, and forgotten with the node that knew it. */
import { expect, onTestFinished, test } from 'vitest';
import { beginSession, until } from '../acceptance/clients.ts';
import type { ServerProcess } from '../acceptance/server-process.ts';
import { startPushService } from '../support/push-stand-in.ts';
import { startCluster } from './cluster.ts';

/** After this long without a ping nobody is there; a push waits as long for somebody who is. */
const minuteMs = 60_000;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

test('somebody who looks on one node is present on another, and absent a minute after their node was killed', async () => {
  const service = await startPushService();
  onTestFinished(() => service.close());
  const { nodes, creator, record } = await startCluster({ OUTBOUND_ALLOW: service.origin });
  const [a, b, c] = nodes as [ServerProcess, ServerProcess, ServerProcess];
  // The second node is left alone with whatever is to be done.
  await c.kill();
  const contact = await beginSession(a.origin, creator.id, 'counting');
  const subscribed = await fetch(`${a.origin}/api/v1/channels/widget/${creator.id}/push/subscriptions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${contact.sessionToken}` },
    body: JSON.stringify(service.subscription),
  });
  expect(subscribed.status).toBe(204);
  await contact.connect(a.origin);
  await contact.hears('We begin');
  const heardAt = Date.now();
  const conversation = `/creators/conversations/${(await creator.call('GET', '/creators/conversations')).items[0].id}`;
  const there = creator.at(b.origin);
  // What the program says of its own would be told as well.
  await there.call('POST', `${conversation}/takeover`);
  a.pause();
  const before = service.pushes.length;

  const write = async (text: string) => {
    const { seq } = await there.call('POST', `${conversation}/messages`, { text });
    return seq as number;
  };
  const triesOf = async (seq: number) => {
    const { rows } = await record.query(`select status, attempts from effects where type = 'push' and (params ->> 'seq')::int = $1`, [seq]);
    return rows[0];
  };
  const first = await write('Are you looking?');
  // Tried once, and put off: somebody is there who may read it.
  await until(async () => (await triesOf(first))?.attempts === 1);
  await sleep(1_000);
  expect(await triesOf(first)).toEqual({ status: 'planned', attempts: 1 });
  expect(service.pushes).toHaveLength(before);

  await a.kill();
  await sleep(heardAt + minuteMs - Date.now());
  const second = await write('Are you still there?');
  await until(async () => (await triesOf(second))?.status === 'done');
  expect(await triesOf(second)).toEqual({ status: 'done', attempts: 1 });
  // The first has waited for its minute, and nobody has read it.
  await until(async () => (await triesOf(first))?.status === 'done');
  expect(service.pushes.map(({ news }) => (news as { seq: number }).seq)).toEqual(expect.arrayContaining([first, second]));
});
