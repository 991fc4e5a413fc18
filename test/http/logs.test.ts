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
import { keptLog } from '../support/kept-log.ts';

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
