/** Refresh families under an injected clock: the normal chain, races, replays and ends. */
import { beforeEach, describe, expect, test } from 'vitest';
import { someCaller, testAccounts } from '../support/accounts.ts';
import { manualClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';

const day = 24 * 60 * 60 * 1000;
const database = await testDatabase();
const clock = manualClock(Date.UTC(2026, 0, 1));
const { accounts, sessions, tokens, standing } = await testAccounts(database, clock);

async function register(email: string) {
  const account = await accounts.register({ email, password: 'a long unlikely phrase', displayName: 'Ana' }, someCaller);
  if (account === null) throw new Error('No mail is needed here');
  return account;
}

let count = 0;
async function signIn() {
  const email = `member${count++}@example.org`;
  return (await register(email)).tokens;
}
const ended = { code: 'SESSION_ENDED', message: 'Sign in again: this session has ended' };

describe('a refresh family', () => {
  let first: Awaited<ReturnType<typeof signIn>>;
  beforeEach(async () => {
    first = await signIn();
  });

  test('gives a new pair at every refresh', async () => {
    const seen = new Set([first.refresh_token]);
    let pair = first;
    for (let round = 0; round < 5; round++) {
      clock.advance(60_000);
      pair = await sessions.refresh(pair.refresh_token, someCaller);
      seen.add(pair.refresh_token);
      const principal = await tokens.verifyAccess(pair.access_token);
      expect(await standing.of(principal.creatorId, principal.memberId, principal.sid)).toMatchObject({ role: 'owner' });
    }
    expect(seen.size).toBe(6);
  });

  test('gives all of many parallel refreshes the same pair', async () => {
    const pairs = await Promise.all(Array.from({ length: 8 }, () => sessions.refresh(first.refresh_token, someCaller)));
    expect(new Set(pairs.map((pair) => JSON.stringify(pair))).size).toBe(1);
    await expect(sessions.refresh(pairs[0]?.refresh_token ?? '', someCaller)).resolves.toBeDefined();
  });

  test('gives the current pair again to its parent after 9.9 s', async () => {
    const second = await sessions.refresh(first.refresh_token, someCaller);
    clock.advance(9_900);
    expect(await sessions.refresh(first.refresh_token, someCaller)).toEqual(second);
  });

  test('ends when the parent comes back after 10.1 s, and stays ended although that request failed', async () => {
    const second = await sessions.refresh(first.refresh_token, someCaller);
    const principal = await tokens.verifyAccess(second.access_token);
    clock.advance(10_100);
    await expect(sessions.refresh(first.refresh_token, someCaller)).rejects.toMatchObject(ended);
    await expect(sessions.refresh(second.refresh_token, someCaller)).rejects.toMatchObject(ended);
    expect(await standing.of(principal.creatorId, principal.memberId, principal.sid)).toBeNull();
  });

  test('ends when a grandparent comes back, however soon', async () => {
    const second = await sessions.refresh(first.refresh_token, someCaller);
    const third = await sessions.refresh(second.refresh_token, someCaller);
    await expect(sessions.refresh(first.refresh_token, someCaller)).rejects.toMatchObject(ended);
    await expect(sessions.refresh(third.refresh_token, someCaller)).rejects.toMatchObject(ended);
  });

  test('ended within the grace does not give its pair again', async () => {
    const { refresh_token, access_token } = await sessions.refresh(first.refresh_token, someCaller);
    const principal = await tokens.verifyAccess(access_token);
    expect(await sessions.end(principal, principal.sid, someCaller)).toBe(true);
    expect(await sessions.end(principal, principal.sid, someCaller)).toBe(false);
    for (const token of [first.refresh_token, refresh_token])
      await expect(sessions.refresh(token, someCaller)).rejects.toMatchObject(ended);
  });

  test('lives 90 days of use and no longer', async () => {
    let pair = first;
    for (const wait of [29, 29, 29, 2]) {
      clock.advance(wait * day);
      pair = await sessions.refresh(pair.refresh_token, someCaller);
    }
    clock.advance(2 * day);
    await expect(sessions.refresh(pair.refresh_token, someCaller)).rejects.toMatchObject(ended);
  });

  test('is over after 30 days without use', async () => {
    clock.advance(30 * day);
    await expect(sessions.refresh(first.refresh_token, someCaller)).rejects.toMatchObject(ended);
  });

  test('takes nothing for a token but its own, whole', async () => {
    const other = await signIn();
    const token = first.refresh_token;
    const swapped = `${other.refresh_token.slice(0, 30)}${token.slice(30)}`;
    const flipped = `${token.slice(0, 40)}${token[40] === 'A' ? 'B' : 'A'}${token.slice(41)}`;
    for (const bad of ['', 'cr_', token.slice(0, -1), `${token}A`, swapped, flipped, token.toUpperCase(), first.access_token]) {
      await expect(sessions.refresh(bad, someCaller)).rejects.toMatchObject(ended);
    }
    await expect(sessions.refresh(token, someCaller)).resolves.toBeDefined();
  });
});

test('a change of the password ends the other sessions and leaves this one', async () => {
  const given = { email: 'change@example.org', password: 'a long unlikely phrase' };
  const here = await register(given.email);
  const there = await accounts.login(given, someCaller);
  const principal = await tokens.verifyAccess(here.tokens.access_token);
  expect(await sessions.list(principal.creatorId, principal.memberId)).toHaveLength(2);
  await expect(accounts.changePassword(principal, { current: 'wrong', next: 'quite another phrase' }, someCaller)).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  await accounts.changePassword(principal, { current: given.password, next: 'quite another phrase' }, someCaller);
  await expect(sessions.refresh(there.tokens.refresh_token, someCaller)).rejects.toMatchObject(ended);
  await expect(sessions.refresh(here.tokens.refresh_token, someCaller)).resolves.toBeDefined();
  await expect(accounts.login(given, someCaller)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(accounts.login({ ...given, password: 'quite another phrase' }, someCaller)).resolves.toBeDefined();
});
