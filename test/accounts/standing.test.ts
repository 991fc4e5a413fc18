/** Whether a sign-in stands: at once on all nodes, and by the record alone when nothing else can be asked. */
import { describe, expect, test } from 'vitest';
import { createStanding } from '../../src/accounts/standing.ts';
import { AppError } from '../../src/errors.ts';
import { createCountLimit } from '../../src/http/limits.ts';
import type { Cache } from '../../src/shared/cache.ts';
import { type SessionNews, sessionsTopic } from '../../src/shared/fan-out.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { someCaller, testAccounts } from '../support/accounts.ts';
import { manualClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { quietLog } from '../support/quiet-log.ts';

const database = await testDatabase();
const clock = manualClock(Date.UTC(2026, 0, 1));
const parts = await testAccounts(database, clock);
const password = 'a long unlikely phrase';

let count = 0;
async function signIn() {
  const account = await parts.accounts.register({ email: `m${count++}@example.org`, password, displayName: 'Ana' }, someCaller);
  if (account === null) throw new Error('No mail is needed here');
  return parts.tokens.verifyAccess(account.tokens.access_token);
}
const down = (): never => {
  throw new AppError('UNAVAILABLE', 'The shared state is down');
};
const brokenCache: Cache = {
  get: async () => down(),
  set: async () => down(),
  take: async () => down(),
  delete: async () => down(),
  count: async () => down(),
  keys: async () => down(),
  close: async () => undefined,
};
/** Another node: the same record and cache, a memory of its own. */
const otherNode = (cache = parts.cache) => createStanding({ database, cache, fanOut: parts.fanOut, clock, log: quietLog });

describe('a change', () => {
  test('is known at once on a node that has just looked', async () => {
    const principal = await signIn();
    const { creatorId, memberId, sid } = principal;
    const node = otherNode();
    expect(await node.of(creatorId, memberId, sid)).toMatchObject({ role: 'owner' });
    await database
      .tenant(creatorId, async (sql) => {
        await sql("update members set role = 'viewer' where id = $1", [memberId]);
        return parts.sessions.changed(sql, principal);
      })
      .then((tell) => tell());
    expect(await node.of(creatorId, memberId, sid)).toMatchObject({ role: 'viewer' });
    await parts.sessions.end(principal, sid, someCaller);
    expect(await node.of(creatorId, memberId, sid)).toBeNull();
  });

  test('is read from the record while the shared cache is down: an outage never means "allow"', async () => {
    const principal = await signIn();
    const { creatorId, memberId, sid } = principal;
    const node = otherNode(brokenCache);
    expect(await node.of(creatorId, memberId, sid)).not.toBeNull();
    await database.tenant(creatorId, (sql) => sql('update refresh_families set revoked_at = now() where id = $1', [sid]));
    expect(await node.of(creatorId, memberId, sid)).toBeNull();
    await expect(node.changed(creatorId, [sid])).resolves.toBeUndefined();
  });

  test('closes the open sockets of the sign-in', async () => {
    const news: SessionNews[] = [];
    const stop = await parts.fanOut.subscribe(sessionsTopic, (heard) => news.push(heard as SessionNews));
    const [out, changed] = [await signIn(), await signIn()];
    await parts.sessions.end(out, out.sid, someCaller);
    const { member } = await parts.accounts.get(changed);
    const { tokens } = await parts.accounts.login({ email: member.email, password }, someCaller);
    const other = await parts.tokens.verifyAccess(tokens.access_token);
    await parts.accounts.changePassword(changed, { current: password, next: 'quite another phrase' }, someCaller);
    await Promise.resolve();
    stop();
    expect(news).toEqual([
      { creator_id: out.creatorId, sids: [out.sid] },
      { creator_id: changed.creatorId, sids: [other.sid] },
    ]);
  });
});

test('limits count in this process while the shared cache is down', async () => {
  const limit = createCountLimit(brokenCache, createMemoryCache(clock), (subject) => subject);
  for (let tried = 0; tried < 5; tried++) await limit('register.address', '192.0.2.9');
  await expect(limit('register.address', '192.0.2.9')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  await expect(limit('register.address', '192.0.2.10')).resolves.toBeUndefined();
});
