/** Accounts where mail can be sent: confirming an address, and choosing a new password. */
import { describe, expect, test } from 'vitest';
import { createSmtpMail } from '../../../src/accounts/mail.ts';
import { testApp } from '../../support/app.ts';
import { manualClock } from '../../support/clock.ts';
import { testDatabase } from '../../support/database.ts';
import { mailSink } from '../../support/mail-sink.ts';
import { quietLog } from '../../support/quiet-log.ts';

const database = await testDatabase();
const clock = manualClock(Date.UTC(2026, 0, 1));
const sink = await mailSink();
const mail = createSmtpMail({ url: sink.url, from: 'coach@example.org', log: quietLog });
const { app } = await testApp(database, clock, { mail, trustedProxyHops: 1 });
const password = 'a long unlikely phrase';
const next = 'quite another phrase';

let address = 0;
async function post(path: string, json: unknown, headers: Record<string, string> = {}) {
  const all = { 'Content-Type': 'application/json', 'X-Forwarded-For': `198.51.100.${address++}`, ...headers };
  const response = await app.request(`/api/v1/auth${path}`, { method: 'POST', headers: all, body: JSON.stringify(json) });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
  return { status: response.status, text, json: (text === '' ? null : JSON.parse(text)) as any };
}

let count = 0;
let mails = 0;
async function arrived(more = 1): Promise<void> {
  mails += more;
  await sink.arrived(mails);
}

/** An account that has confirmed its address. */
async function newAccount() {
  const email = `person${count++}@example.org`;
  await post('/register', { email, password, display_name: 'Ana' });
  await arrived();
  const { json } = await post('/confirm', { token: sink.latest(email).token, password });
  return { email, pair: json };
}

async function forgot(email: string, headers = {}): Promise<string> {
  await post('/password/forgot', { email }, headers);
  await arrived();
  return sink.latest(email).token;
}

describe('register', () => {
  test('row 1: answers a known and an unknown address alike, and tells the owner by mail', async () => {
    const { email } = await newAccount();
    const unknown = await post('/register', { email: 'new@example.org', password, display_name: 'Ana' });
    const known = await post('/register', { email, password, display_name: 'Ben' });
    await arrived(2);
    expect([unknown.status, unknown.text]).toEqual([202, '{"status":"check_mail"}']);
    expect([known.status, known.text]).toEqual([unknown.status, unknown.text]);
    expect(sink.latest(email).text).toContain('You have an account already');
  });

  test('lets nobody in before the address is confirmed, and nobody confirm for another', async () => {
    const email = 'slow@example.org';
    await post('/register', { email, password, display_name: 'Ana' });
    await arrived();
    const { token } = sink.latest(email);
    expect((await post('/login', { email, password })).status).toBe(401);
    expect((await post('/confirm', { token, password: next })).status).toBe(401);
    expect((await post('/confirm', { token, password })).json).toMatchObject({ member: { email }, expires_in: 900 });
    expect((await post('/login', { email, password })).status).toBe(200);
    expect((await post('/confirm', { token, password })).status).toBe(400);
  });
});

describe('a forgotten password', () => {
  test('is replaced once by a token of a mail; every sign-in ends and none begins', async () => {
    const { email, pair } = await newAccount();
    const token = await forgot(email);
    expect(await post('/password/reset', { token, password: next })).toMatchObject({ status: 204, text: '' });
    await arrived();
    expect(sink.latest(email).text).toContain('Your password was changed');
    expect((await post('/refresh', { refresh_token: pair.refresh_token })).status).toBe(401);
    const me = await app.request('/api/v1/auth/me', { headers: { Authorization: `Bearer ${pair.access_token}` } });
    expect(me.status).toBe(401);
    expect((await post('/login', { email, password })).status).toBe(401);
    expect((await post('/login', { email, password: next })).status).toBe(200);
  });

  test('row 12: a token twice, after a change of the address or of an erased member is refused with the same body', async () => {
    const [twice, moved, gone] = [await newAccount(), await newAccount(), await newAccount()];
    const tokens = [await forgot(twice.email), await forgot(moved.email), await forgot(gone.email), 'cm_nonsense', `cm_${'A'.repeat(64)}`];
    await post('/password/reset', { token: tokens[0], password: next });
    await arrived();
    await database.tenant(moved.pair.creator.id, (sql) => sql("update members set email = 'elsewhere@example.org'"));
    await database.tenant(gone.pair.creator.id, (sql) => sql('delete from members'));
    const answers = await Promise.all(tokens.map((token) => post('/password/reset', { token, password: next })));
    const seen = answers.map(({ status, json: { error } }) => [status, error.code, error.message, error.details]);
    expect(new Set(seen.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(seen[0]?.[0]).toBe(400);
  });

  test.each([
    ['9:59', 599_000, 204],
    ['10:01', 601_000, 400],
  ])('can be replaced after %s minutes: answers %#', async (_, wait, status) => {
    const { email } = await newAccount();
    const token = await forgot(email);
    clock.advance(wait);
    expect((await post('/password/reset', { token, password: next })).status).toBe(status);
    if (status === 204) await arrived();
  });

  test('row 13: the link names the configured address, whatever the request calls its host', async () => {
    const { email } = await newAccount();
    await forgot(email, { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example' });
    const { text } = sink.latest(email);
    expect(text).toContain('https://coach.example/account/reset#token=cm_');
    expect(text).not.toContain('evil.example');
  });

  test('asks for an unknown address are answered alike, and send nothing', async () => {
    const { email } = await newAccount();
    const known = await post('/password/forgot', { email });
    await arrived();
    const unknown = await post('/password/forgot', { email: 'nobody@example.org' });
    expect([unknown.status, unknown.text]).toEqual([known.status, known.text]);
    expect(sink.mails.some((sunk) => sunk.to === 'nobody@example.org')).toBe(false);
  });

  test('asked for by a stranger does not void the link its owner has just received', async () => {
    const { email } = await newAccount();
    const token = await forgot(email);
    await forgot(email);
    await forgot(email);
    expect((await post('/password/forgot', { email })).status).toBe(429);
    expect((await post('/password/reset', { token, password: next })).status).toBe(204);
    await arrived();
  });

  test('is not replaced by a common one', async () => {
    const { email } = await newAccount();
    const token = await forgot(email);
    expect((await post('/password/reset', { token, password: 'password123456' })).status).toBe(400);
    expect((await post('/password/reset', { token, password: next })).status).toBe(204);
    await arrived();
  });
});

test('the record holds no token that could be used', async () => {
  const { email, pair } = await newAccount();
  const token = await forgot(email);
  const rows = await database.tenant(pair.creator.id, (sql) => sql('select to_jsonb(t) as row from mail_tokens t'));
  expect(JSON.stringify(rows)).not.toContain(token);
  expect(rows).toHaveLength(1);
});

test('a mail server that refuses is tried three times, and the client hears nothing of it', async () => {
  const refusing = await mailSink({ refuse: true });
  const codes: unknown[] = [];
  const log = { ...quietLog, warn: (_: string, fields?: object) => codes.push(fields) };
  const sender = createSmtpMail({ url: refusing.url, from: 'coach@example.org', log });
  sender.send({ to: 'a@example.org', subject: 's', text: 't' });
  await sender.close();
  expect(codes).toEqual([1, 2, 3].map((attempt) => ({ attempt, code: 'EENVELOPE' })));
});
