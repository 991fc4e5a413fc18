/** Web Push: the cryptography by the RFC's own example, and browsers that are told of messages, at a push service of this machine. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConversationKey } from '../../../src/actors/input.ts';
import { createPresence, type Presence } from '../../../src/channels/presence.ts';
import { openPushKey } from '../../../src/channels/push/key.ts';
import { createPush } from '../../../src/channels/push/push.ts';
import { type PushKey, sealPush } from '../../../src/channels/push/seal.ts';
import { systemIds } from '../../../src/ids.ts';
import { createPublicFetch } from '../../../src/public-fetch.ts';
import { createSeal } from '../../../src/seal.ts';
import { createMemoryCache } from '../../../src/shared/memory.ts';
import { saveSubscription } from '../../../src/store/push.ts';
import { moveReadMark } from '../../../src/store/read-marks.ts';
import { manualClock } from '../../support/clock.ts';
import { emptyDatabase, testCreator, testDatabase } from '../../support/database.ts';
import { type PushStandIn, startPushService } from '../../support/push-stand-in.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { evening, makeRuntime, openTestConversation, publish, type TestRuntime } from '../../support/runtime.ts';

describe('the cryptography', () => {
  it('seals as in the example of RFC 8291, section 5', async () => {
    const point = 'BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8';
    const bytes = Buffer.from(point, 'base64url');
    const [x = '', y = ''] = [bytes.subarray(1, 33), bytes.subarray(33)].map((half) => half.toString('base64url'));
    const jwk = { kty: 'EC', crv: 'P-256', x, y, ext: true };
    const curve = { name: 'ECDH', namedCurve: 'P-256' };
    const sender = {
      publicKey: await crypto.subtle.importKey('jwk', jwk, curve, true, []),
      privateKey: await crypto.subtle.importKey('jwk', { ...jwk, d: 'yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw' }, curve, true, [
        'deriveBits',
      ]),
    };
    const subscription = {
      endpoint: '',
      p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
      auth: 'BTBZMqHH6r4Tts7J_aSIgg',
    };
    const salt = new Uint8Array(Buffer.from('DGv6ra1nlYgDCS1FRnbzlw', 'base64url'));
    const sealed = await sealPush('When I grow up, I want to be a watermelon', subscription, { salt, sender });
    expect(Buffer.from(sealed).toString('base64url')).toBe(
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
    );
  });
});

const db = await testDatabase();
const seal = await createSeal(new Uint8Array(32).fill(3));
const minute = 60_000;

let service: PushStandIn;
let runtime: TestRuntime;
let presence: Presence;
let key: ConversationKey;
let pushKey: PushKey;

beforeEach(async () => {
  await emptyDatabase(db);
  service = await startPushService();
  const clock = manualClock(evening);
  presence = createPresence(createMemoryCache(clock));
  pushKey = await openPushKey(db, seal);
  const fetch = createPublicFetch({ allowed: [service.origin] });
  const push = createPush({ db, clock, log: quietLog, presence, key: pushKey, fetch, contact: 'https://coach.example' });
  runtime = makeRuntime(db, { clock, push });
  const creatorId = await testCreator(db);
  await publish(db, creatorId);
  key = await openTestConversation(db, creatorId);
  runtime.effects.start();
  runtime.timers.start();
});
afterEach(async () => {
  await runtime.stop();
  await service.close();
});

const subscribe = () => {
  const { endpoint, keys } = service.subscription;
  return db.tenant(key.creatorId, (sql) => saveSubscription(sql, key, { id: systemIds.uuid(), endpoint, ...keys }));
};

async function says(text: string): Promise<void> {
  const id = systemIds.uuid();
  await runtime.mailboxes.deliver(key, { id: `msg:${id}`, kind: 'message', messageId: id, text });
  await settled();
}

async function writes(text = 'Are you there?'): Promise<void> {
  const id = systemIds.uuid();
  await runtime.mailboxes.deliver(key, { id, kind: 'control', act: 'say', text, messageId: id });
  await settled();
}

/** Waits until no effect may run now. */
async function settled(): Promise<void> {
  for (;;) {
    runtime.effects.wake();
    const [left] = await db.tenant(key.creatorId, (sql) =>
      sql<{ count: number }>("select count(*) from effects where status = 'planned' and (not_before <= $1 or leased_until > $1)", [
        new Date(runtime.clock.wall()),
      ]),
    );
    if (Number(left?.count) === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function turn(ms: number): Promise<void> {
  runtime.clock.advance(ms);
  await settled();
}

const subscriptions = () => db.tenant(key.creatorId, (sql) => sql('select endpoint from push_subscriptions'));
const ends = async () => {
  const rows = await db.tenant(key.creatorId, (sql) =>
    sql<{ end: string }>(
      "select status || coalesce(' ' || (result ->> 'push'), '') as end from effects where type = 'push' order by created_at",
    ),
  );
  return rows.map(({ end }) => end);
};

describe('a person whose page is closed', () => {
  beforeEach(subscribe);

  it('is told that a message waits, and not what it says', async () => {
    await writes('a secret');
    expect(service.pushes).toMatchObject([
      {
        news: { type: 'message', creator_id: key.creatorId, conversation_id: key.conversationId, seq: 1 },
        claims: { aud: service.origin, sub: 'https://coach.example' },
        headers: { 'content-encoding': 'aes128gcm', ttl: '86400', topic: expect.stringMatching(/^[0-9a-f]{32}$/) },
      },
    ]);
    expect(await ends()).toEqual(['done sent']);
  });

  it('is told once of several messages of a turn, and not of answers to what they have just written', async () => {
    await says('sleep');
    await says('07:00');
    expect(service.pushes).toEqual([]);
    runtime.clock.advance(11 * 60 * minute);
    await vi.waitFor(() => {
      runtime.timers.wake();
      expect(service.pushes).toHaveLength(1);
    });
  });

  it('is told a minute later where the page is open but nobody reads', async () => {
    presence.heard(key, 'a socket');
    await writes();
    expect(service.pushes).toEqual([]);
    await turn(minute);
    expect(service.pushes).toHaveLength(1);
  });

  it('is not told of what they have read meanwhile', async () => {
    presence.heard(key, 'a socket');
    await writes();
    await db.tenant(key.creatorId, (sql) => moveReadMark(sql, key, 1, runtime.clock.now()));
    await turn(minute);
    expect(service.pushes).toEqual([]);
    expect(await ends()).toEqual(['done read']);
  });

  it.each([404, 410, 403])('is forgotten where the push service says %s', async (status) => {
    service.statuses.push(status);
    await writes();
    expect(await subscriptions()).toEqual([]);
    await writes();
    expect(await ends()).toEqual(['done sent']);
  });

  it.each([429, 500, 503])('is told later where the push service says %s, once', async (status) => {
    service.statuses.push(status);
    await writes();
    expect(service.pushes).toEqual([]);
    await turn(minute);
    expect(service.pushes).toHaveLength(1);
    await turn(minute);
    expect(service.pushes).toHaveLength(1);
  });

  it('is given up after six tries', async () => {
    service.statuses.push(...Array(9).fill(503));
    await writes();
    for (let tries = 0; tries < 8; tries += 1) await turn(6 * minute);
    expect(await ends()).toEqual(['failed failed']);
    expect(service.statuses).toHaveLength(3);
  });
});

it('plans nothing for who has not asked', async () => {
  await writes();
  expect(await ends()).toEqual([]);
});

it('keeps ten browsers of a conversation, the newest', async () => {
  for (let count = 0; count < 12; count += 1) {
    const { keys } = service.subscription;
    const subscription = { id: systemIds.uuid(), endpoint: `https://fcm.googleapis.com/${count}`, ...keys };
    await db.tenant(key.creatorId, (sql) => saveSubscription(sql, key, subscription));
  }
  expect(await subscriptions()).toHaveLength(10);
});

it('keeps the installation’s key for ever', async () => {
  expect(await openPushKey(db, seal)).toEqual(pushKey);
});
