/** Changing one's own mail address, with a mail server and without. */
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
const withMail = await testApp(database, clock, { mail, trustedProxyHops: 1 });
const without = await testApp(database, clock);
const password = 'a long unlikely phrase';

let address = 0;
async function ask({ app }: typeof withMail, method: string, path: string, json?: unknown, token?: string) {
  const response = await app.request(`/api/v1/auth${path}`, {
    method,
    headers: {
      'Content-Type': 'application/json',
      'X-Forwarded-For': `198.51.100.${address++ % 250}`,
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
  return { status: response.status, text, json: (text === '' ? null : JSON.parse(text)) as any };
}

let mails = 0;
async function arrived(more: number): Promise<void> {
  mails += more;
  await sink.arrived(mails);
}

let count = 0;
/** An account that has confirmed its address. */
async function newAccount() {
  const email = `person${count++}@example.org`;
  await ask(withMail, 'POST', '/register', { email, password, display_name: 'Ana' });
  await arrived(1);
  const { json } = await ask(withMail, 'POST', '/confirm', { token: sink.latest(email).token, password });
  const token = json.access_token as string;
  return { email, token, change: (to: string) => ask(withMail, 'POST', '/email/change', { email: to }, token) };
}
const login = (email: string) => ask(withMail, 'POST', '/login', { email, password }).then(({ status }) => status);
const confirm = (token: string, given = password) => ask(withMail, 'POST', '/email/confirm', { token, password: given });

describe('a mail address', () => {
  test('changes once the mail to the new one is answered with the password; the one before is told twice', async () => {
    const { email, token, change } = await newAccount();
    const to = `New.${email}`;
    expect(await change(` ${to} `)).toMatchObject({ status: 202, text: '{"status":"check_mail"}' });
    await arrived(2);
    expect(sink.latest(email).text).toContain('Your mail address is about to change');
    const mailed = sink.latest(to.toLowerCase());
    expect(mailed.text).toContain('https://coach.example/account/address#token=cm_');
    expect(await login(email)).toBe(200);
    expect((await confirm(mailed.token, 'not the password')).status).toBe(401);
    expect(await confirm(mailed.token)).toMatchObject({ status: 204, text: '' });
    await arrived(1);
    expect(sink.latest(email).text).toContain('Your mail address was changed');
    expect([await login(email), await login(to)]).toEqual([401, 200]);
    expect((await ask(withMail, 'GET', '/me', undefined, token)).json.member.email).toBe(to.toLowerCase());
    expect((await confirm(mailed.token)).status).toBe(400);
  });

  test('of somebody else is answered like a free one, and that person is told', async () => {
    const [ana, ben] = [await newAccount(), await newAccount()];
    const [taken, free] = [await ana.change(ben.email), await ana.change('free@example.org')];
    await arrived(4);
    expect([taken.status, taken.text]).toEqual([free.status, free.text]);
    expect(sink.latest(ben.email).text).toContain('You have an account already');
  });

  test('taken while the mail waited stays with who took it', async () => {
    const [ana, ben] = [await newAccount(), await newAccount()];
    for (const { change } of [ana, ben]) await change('both@example.org');
    await arrived(4);
    const [first = '', second = ''] = sink.tokens('both@example.org');
    expect((await confirm(first)).status).toBe(204);
    await arrived(1);
    const [late, nonsense] = [await confirm(second), await confirm('cm_nonsense')];
    expect([late.status, late.json.error.message]).toEqual([400, nonsense.json.error.message]);
    expect([await login(ana.email), await login(ben.email)].sort()).toEqual([200, 401]);
  });

  test('makes links void that were sent to the one before, and a token is good for ten minutes and its own purpose', async () => {
    const { email, change } = await newAccount();
    await ask(withMail, 'POST', '/password/forgot', { email });
    await arrived(1);
    const reset = sink.latest(email).token;
    await change('moved@example.org');
    await arrived(2);
    const { token } = sink.latest('moved@example.org');
    expect((await ask(withMail, 'POST', '/password/reset', { token, password: 'quite another phrase' })).status).toBe(400);
    expect((await confirm(reset)).status).toBe(400);
    await confirm(token);
    await arrived(1);
    expect((await ask(withMail, 'POST', '/password/reset', { token: reset, password: 'quite another phrase' })).status).toBe(400);
    const late = await newAccount();
    await late.change('late@example.org');
    await arrived(2);
    clock.advance(10 * 60_000 + 1);
    expect((await confirm(sink.latest('late@example.org').token)).status).toBe(400);
  });

  test('needs the password proved lately, and is asked for five times an hour at most', async () => {
    const { email, token, change } = await newAccount();
    clock.advance(10 * 60_000 + 1);
    expect(await change('x@example.org')).toMatchObject({ status: 403, json: { error: { code: 'REAUTH_REQUIRED' } } });
    expect((await ask(withMail, 'POST', '/reauthenticate', { password }, token)).status).toBe(204);
    const statuses = [];
    for (let time = 0; time < 6; time++) statuses.push((await change(`x${time}-${email}`)).status);
    await arrived(10);
    expect(statuses).toEqual([202, 202, 202, 202, 202, 429]);
  });

  test.each(['no address', 'a@b\r\nBcc: x@example.org', ''])('is refused when it is none: %j', async (email) => {
    const { token } = await newAccount();
    expect((await ask(withMail, 'POST', '/email/change', { email }, token)).status).toBe(400);
  });

  test('changes at once where no mail can be sent', async () => {
    const [ana, ben] = [await without.newMember(), await without.newMember()];
    const change = (member: typeof ana, email: string) => member.call('POST', '/api/v1/auth/email/change', { email });
    expect((await change(ana, 'at-once@example.org')).status).toBe(204);
    const taken = await change(ben, 'AT-ONCE@example.org');
    expect([taken.status, ((await taken.json()) as { error: { code: string } }).error.code]).toEqual([409, 'EMAIL_TAKEN']);
    expect((await ask(without, 'POST', '/login', { email: 'at-once@example.org', password })).status).toBe(200);
  });
});
