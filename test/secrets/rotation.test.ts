/** Changing keys: the master key that seals, and the keys that sign. */
import { describe, expect, test } from 'vitest';
import { loadSigningKeys, rotateSigningKeys } from '../../src/accounts/signing-keys.ts';
import { createTokens } from '../../src/accounts/tokens.ts';
import { sealContext } from '../../src/channels/accounts.ts';
import type { MemberId } from '../../src/ids.ts';
import { systemIds } from '../../src/ids.ts';
import { createSeal } from '../../src/seal.ts';
import { programSecretContext } from '../../src/secrets/program-secrets.ts';
import { resealAll } from '../../src/secrets/reseal.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';

const database = await testDatabase();
const day = 24 * 60 * 60_000;
const [oldKey, newKey] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
const [old, both, fresh] = [await createSeal(oldKey), await createSeal(newKey, [oldKey]), await createSeal(newKey)];

describe('a master key', () => {
  test('is named before what it sealed, and opens it while it is kept beside the next', async () => {
    const sealed = await old.seal('secret', 'c');
    expect(sealed.startsWith(`${old.keyId}.`)).toBe(true);
    expect(await both.open(sealed, 'c')).toBe('secret');
    expect((await both.seal('secret', 'c')).startsWith(`${fresh.keyId}.`)).toBe(true);
    await expect(fresh.open(sealed, 'c')).rejects.toThrow('is not here');
    await expect(both.open(sealed.replace(old.keyId, fresh.keyId), 'c')).rejects.toThrow();
    await expect(both.open('nonsense', 'c')).rejects.toThrow('is not here');
  });

  test('is not needed any more once everything was sealed anew', async () => {
    const creatorId = await testCreator(database);
    const [connection, webhook, secret] = [systemIds.uuid(), systemIds.uuid(), systemIds.uuid()];
    await loadSigningKeys(database, old, Date.now());
    await database.tenant(creatorId, async (sql) => {
      await sql("insert into connections (creator_id, id, channel, account, sealed_secrets) values ($1, $2, 'webhook', 'a', $3)", [
        creatorId,
        connection,
        await old.seal('channel secret', sealContext(creatorId, connection)),
      ]);
      await sql("insert into program_secrets (creator_id, id, name, host, header, sealed_secret) values ($1, $2, 'n', 'h', 'h', $3)", [
        creatorId,
        secret,
        await old.seal('a token', programSecretContext(secret)),
      ]);
      await sql(
        "insert into webhooks (creator_id, id, url, events, sealed_secret, sealed_previous_secret) values ($1, $2, 'u', '{}', $3, $4)",
        [creatorId, webhook, await old.seal('now', `webhook:${webhook}`), await old.seal('before', `webhook:${webhook}`)],
      );
    });
    expect(await resealAll(database, both)).toBe(5);
    const [row] = await database.tenant(creatorId, (sql) =>
      sql<Record<string, string>>(
        `select c.sealed_secrets as a, w.sealed_secret as b, w.sealed_previous_secret as c, p.sealed_secret as d
         from connections c, webhooks w, program_secrets p`,
      ),
    );
    expect(await fresh.open(row?.a ?? '', sealContext(creatorId, connection))).toBe('channel secret');
    expect(await fresh.open(row?.b ?? '', `webhook:${webhook}`)).toBe('now');
    expect(await fresh.open(row?.c ?? '', `webhook:${webhook}`)).toBe('before');
    expect(await fresh.open(row?.d ?? '', programSecretContext(secret))).toBe('a token');
    await expect(loadSigningKeys(database, fresh, Date.now())).resolves.toHaveLength(1);
    expect(await resealAll(database, fresh)).toBe(5);
  });
});

test('a signing key is published before it signs, and verifies as long as its tokens live', async () => {
  const clock = manualClock(Date.now());
  const load = () => loadSigningKeys(database, fresh, clock.wall());
  const [first] = await load();
  const { added, retired } = await rotateSigningKeys(database, fresh, clock.wall());
  expect(retired).toEqual([]);
  expect((await load()).map(({ kid }) => kid)).toEqual([first.kid, added]);
  const principal = {
    kind: 'member',
    creatorId: await testCreator(database),
    memberId: systemIds.uuid<MemberId>(),
    sid: systemIds.uuid(),
    role: 'owner',
  } as const;
  const before = createTokens({ keys: await load(), issuer: 'i', clock, ids: systemIds });
  const token = await before.issueAccess(principal, { jti: 'j', at: clock.wall() });
  clock.advance(11 * 60_000);
  const keys = await load();
  expect(keys[0].kid).toBe(added);
  const after = createTokens({ keys, issuer: 'i', clock, ids: systemIds });
  expect(await after.verifyAccess(token)).toMatchObject({ memberId: principal.memberId });
  expect(
    after
      .jwks()
      .keys.map(({ kid }) => kid)
      .sort(),
  ).toEqual([first.kid, added].sort());
  clock.advance(92 * day);
  expect((await rotateSigningKeys(database, fresh, clock.wall())).retired).toEqual([first.kid]);
  await expect(createTokens({ keys: await load(), issuer: 'i', clock, ids: systemIds }).verifyAccess(token)).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  });
});
