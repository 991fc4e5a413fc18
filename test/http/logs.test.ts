/** What stands in the logs after a day of use: ids and counts, and nothing a person wrote or a client must keep secret. */
import { expect, test } from 'vitest';
import { createAudit } from '../../src/accounts/audit.ts';
import { createApp } from '../../src/http/app.ts';
import { memberGate } from '../../src/http/auth.ts';
import { authRoutes } from '../../src/http/routes/auth.ts';
import { systemIds } from '../../src/ids.ts';
import { testAccounts } from '../support/accounts.ts';
import { manualClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { sleepReset } from '../support/example.ts';
import { keptLog } from '../support/kept-log.ts';
import { type JsonSchema, sampleOf } from '../support/sample.ts';
import { wholeServer } from '../support/whole-server.ts';

test('no password, token or address, and no line that a client wrote', async () => {
  const { log, lines } = keptLog();
  const database = await testDatabase();
  const clock = manualClock(Date.UTC(2026, 0, 1));
  const parts = await testAccounts(database, clock, { log });
  const failing = createAudit({ database: { ...database, tenant: () => Promise.reject(new Error('down')) }, seal: parts.seal, clock, log });
  const routes = authRoutes({
    ...parts,
    member: memberGate({ ...parts, audit: failing }),
  });
  const app = createApp({ log, clock, ids: systemIds, connInfo: () => ({ remote: { address: '203.0.113.77' } }), trustedProxyHops: 0 }, [
    { path: '/api/v1/auth', routes },
  ]);
  const ask = (method: string, path: string, json?: unknown, headers: Record<string, string> = {}) =>
    app.request(`/api/v1/auth${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', 'User-Agent': 'PLANTED-AGENT\u00e9', ...headers },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
  const given = { email: 'planted@example.org', password: 'PLANTED password phrase' };
  const answer = (await (await ask('POST', '/register', { ...given, display_name: 'PLANTED\r\n{"event":"forged"}' })).json()) as Record<
    string,
    string
  >;
  await ask('POST', '/login', { ...given, password: 'PLANTED wrong phrase' });
  await ask('GET', '/me', undefined, { Authorization: `Bearer ${answer.access_token}` });
  await ask('POST', '/refresh', { refresh_token: answer.refresh_token });
  await ask('POST', '/refresh', { refresh_token: answer.refresh_token?.slice(0, -2) });
  clock.advance(60_000);
  await ask('POST', '/refresh', { refresh_token: answer.refresh_token });
  await ask('GET', '/me?PLANTED=1', undefined, { Authorization: 'Bearer PLANTED' });
  expect(lines.some((line) => line.includes('session.reuse'))).toBe(true);
  const text = lines.join('\n');
  expect(text).not.toMatch(/PLANTED|planted|203\.0\.113|forged/);
  for (const secret of [answer.access_token, answer.refresh_token]) expect(text).not.toContain(secret);
});

const whole = keptLog();
const { app, ask } = await wholeServer({ OUTBOUND_ALLOW: 'http://127.0.0.1:1' }, whole.log);

test('nothing that anybody sent, to whatever route', { timeout: 120_000 }, async () => {
  // biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
  const made = async (answer: Promise<Response>): Promise<any> => (await answer).json();
  const registration = { email: 'planted@example.org', password: 'PLANTED unlikely phrase', display_name: 'PLANTED' };
  const { access_token: token, creator } = await made(ask(null, 'POST', '/api/v1/auth/register', registration));
  const { program } = await made(ask(token, 'POST', '/api/v1/creators/programs', { definition: sleepReset }));
  await ask(token, 'POST', `/api/v1/creators/programs/${program.id}/publish`, {});
  const contact = { name: 'PLANTED', zone: 'Europe/Lisbon', language: 'en' };
  await ask(null, 'POST', `/api/v1/channels/widget/${creator.id}/sessions`, { contact, entry: sleepReset.meta.id });
  const [conversation] = (await made(ask(token, 'GET', '/api/v1/creators/conversations'))).items;
  const form = new FormData();
  form.set('file', new File(['# PLANTED\n\nThe PLANTED sings at dawn.'], 'PLANTED.md'));
  const { document } = await made(ask(token, 'POST', '/api/v1/creators/documents', form));
  const ids: Record<string, string> = {
    programs: program.id,
    conversations: conversation.id,
    contacts: conversation.contact_id,
    documents: document.id,
  };
  const { paths } = (await made(Promise.resolve(app.request('/openapi.json')))) as {
    paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: JsonSchema }> } }>>;
  };
  const hints = {
    email: 'planted@example.org',
    question: 'When does the PLANTED sing?',
    url: 'http://127.0.0.1:1/PLANTED',
    definition: sleepReset,
  };
  let asked = 0;
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { requestBody }] of Object.entries(operations)) {
      if (/\/(logout|erase)$/.test(path) || method === 'delete') continue;
      const kind = /([a-z-]+)\/\{\w+\}/.exec(path)?.[1] ?? '';
      const address = path
        .replace('{creator_id}', creator.id)
        .replace(/\{(n|version)\}/g, '1')
        .replace(/\{\w+\}/g, ids[kind] ?? 'PLANTED');
      const schema = requestBody?.content['application/json']?.schema;
      const sample = schema === undefined ? undefined : JSON.parse(JSON.stringify(sampleOf(schema, hints)).replace(/"x+"/g, '"PLANTED"'));
      const headers = {
        'If-Match': '"PLANTED"',
        Origin: 'https://PLANTED.example',
        'X-Request-Id': 'PLANTED',
        'Idempotency-Key': 'PLANTED',
        'User-Agent': 'PLANTED',
      };
      await (await ask(token, method.toUpperCase(), `${address}?PLANTED=PLANTED`, sample, headers)).text();
      await (await ask(token, method.toUpperCase(), address, sample, { 'User-Agent': 'PLANTED' })).text();
      asked += 2;
    }
  }
  expect(asked).toBeGreaterThan(150);
  expect(whole.lines.length).toBeGreaterThan(3);
  expect(whole.lines.filter((line) => /planted|198\.51\.|coach@|unlikely phrase/i.test(line) || line.includes(token))).toEqual([]);
});
