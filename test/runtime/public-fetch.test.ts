/** Calls to addresses that strangers name are guarded alike under every runtime, run by `node --test` and by `deno test`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createPublicFetch, NotPublicError } from '../../src/public-fetch.ts';

/** What stands in the way of a call; null when nothing does. */
async function obstacle(address: string, leadsTo: string): Promise<unknown> {
  const family = leadsTo.includes(':') ? 6 : 4;
  const fetch = createPublicFetch({ allowed: [], ownHosts: ['coach.example'], resolve: async () => [{ address: leadsTo, family }] });
  const failure: unknown = await fetch(address, { signal: AbortSignal.timeout(5_000) }).then(
    () => null,
    (error: unknown) => error,
  );
  return failure instanceof TypeError ? failure.cause : failure;
}

for (const leadsTo of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '100.64.0.1', '::1', 'fd00::1', '::ffff:10.0.0.1', '64:ff9b::a00:1']) {
  test(`row 42: a name that leads to ${leadsTo} is caught at the moment of connecting`, async () => {
    assert.ok((await obstacle('https://rebinding.example/', leadsTo)) instanceof NotPublicError);
  });
}

for (const address of [
  'http://a.example',
  'https://2130706433',
  'https://[::1]',
  'https://a@b.example',
  'https://a.example:22',
  'https://coach.example',
]) {
  test(`rows 42 and 44: ${address} is not called`, async () => {
    assert.ok((await obstacle(address, '93.184.216.34')) instanceof NotPublicError);
  });
}

test('row 43: a redirect is an answer, never followed', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(302, { Location: '/inside' }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const response = await createPublicFetch({ allowed: [origin] })(`${origin}/hook`, {});
  await response.body?.cancel();
  assert.deepEqual([response.status, asked], [302, ['/hook']]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
