/** Web Push over HTTP: the key, subscriptions, and what is none. */
import { describe, expect, it } from 'vitest';
import { site, testWidgetServer } from '../support/widget-channel.ts';

const server = await testWidgetServer();
const { base, begin, creatorId, database, otherCreatorId } = server;

const p256dh = 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4';
const auth = 'BTBZMqHH6r4Tts7J_aSIgg';
const good = { endpoint: 'https://fcm.googleapis.com/fcm/send/1', expirationTime: null, keys: { p256dh, auth } };

const session = await begin();

function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, creator = creatorId) {
  const given = { authorization: `Bearer ${session.token}`, 'content-type': 'application/json', ...headers };
  return fetch(`${base(creator)}/push${path}`, { method, headers: given, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

async function codeOf(response: Response): Promise<string> {
  return `${response.status} ${((await response.json()) as { error: { code: string } }).error.code}`;
}

const kept = () =>
  database.tenant(creatorId, (sql) => sql('select conversation_id, endpoint, p256dh, auth from push_subscriptions order by endpoint'));

it('gives the key to whoever may use the widget', async () => {
  const response = await fetch(`${base(creatorId)}/push`, { headers: { origin: site } });
  expect(await response.json()).toEqual({ public_key: 'the-public-key' });
  expect(await codeOf(await fetch(`${base(creatorId)}/push`, { headers: { origin: 'https://evil.example' } }))).toBe('403 ORIGIN_REFUSED');
  const asked = await fetch(`${base(creatorId)}/push/subscriptions`, { method: 'OPTIONS', headers: { origin: site } });
  expect(asked.headers.get('access-control-allow-methods')).toContain('DELETE');
});

it('keeps a subscription once, asks for pushes, and forgets both', async () => {
  for (const _again of [1, 2]) expect((await call('POST', '/subscriptions', good)).status).toBe(204);
  expect(await kept()).toEqual([{ conversation_id: session.conversationId, endpoint: good.endpoint, p256dh, auth }]);
  const wish = () =>
    database.tenant(creatorId, (sql) => sql('select wants_push from conversations where id = $1', [session.conversationId]));
  expect(await wish()).toEqual([{ wants_push: true }]);
  for (const _again of [1, 2]) expect((await call('DELETE', '/subscriptions', { endpoint: good.endpoint })).status).toBe(204);
  expect(await kept()).toEqual([]);
  expect(await wish()).toEqual([{ wants_push: false }]);
});

it('asks for a session of this widget', async () => {
  expect(await codeOf(await call('POST', '/subscriptions', good, { authorization: 'Bearer x' }))).toBe('401 UNAUTHENTICATED');
  expect(await codeOf(await call('POST', '/subscriptions', good, {}, otherCreatorId))).toBe('401 UNAUTHENTICATED');
});

it('takes the keys in either alphabet, and a service the installation allows', async () => {
  const plain = { p256dh: `${p256dh.replaceAll('-', '+').replaceAll('_', '/')}=`, auth: `${auth}==` };
  expect((await call('POST', '/subscriptions', { endpoint: 'https://push.example/1', keys: plain })).status).toBe(204);
  expect(await kept()).toEqual([{ conversation_id: session.conversationId, endpoint: 'https://push.example/1', p256dh, auth }]);
});

describe('refuses', () => {
  it.each([
    ['P1', 'an address of the cloud', { endpoint: 'https://169.254.169.254/' }],
    ['P1', 'our own host', { endpoint: 'https://coach.example/x' }],
    ['P1', 'http', { endpoint: 'http://fcm.googleapis.com/fcm/send/1' }],
    ['P1', 'another port', { endpoint: 'https://fcm.googleapis.com:8443/fcm/send/1' }],
    ['P1', 'credentials', { endpoint: 'https://a:b@fcm.googleapis.com/fcm/send/1' }],
    ['P1', 'a look-alike', { endpoint: 'https://fcm.googleapis.com.evil.example/1' }],
    ['P1', 'another look-alike', { endpoint: 'https://evilpush.apple.com/1' }],
    ['P1', 'no address', { endpoint: 'here' }],
    ['P2', 'a point that is not on the curve', { keys: { p256dh: Buffer.from([4, ...Array(64).fill(1)]).toString('base64url'), auth } }],
    ['P2', 'half a point', { keys: { p256dh: p256dh.slice(0, 43), auth } }],
    ['P2', 'a secret of 15 bytes', { keys: { p256dh, auth: Buffer.alloc(15).toString('base64url') } }],
    ['P2', 'no secret', { keys: { p256dh, auth: '' } }],
  ])('%s: %s', async (_row, _what, change) => {
    expect(await codeOf(await call('POST', '/subscriptions', { ...good, ...change }))).toBe('422 INVALID_ADDRESS');
  });

  it('any other shape', async () => {
    for (const body of [{}, { ...good, more: 1 }, { ...good, keys: {} }, { ...good, endpoint: 7 }]) {
      expect(await codeOf(await call('POST', '/subscriptions', body))).toBe('400 INVALID_INPUT');
    }
  });
});

it('slows down a session that asks too often', async () => {
  const statuses: number[] = [];
  for (let count = 0; count < 31; count += 1) statuses.push((await call('DELETE', '/subscriptions', { endpoint: 'x' })).status);
  expect(statuses.at(-1)).toBe(429);
});
