/** Sealing and deriving with the master key. */
import { expect, test } from 'vitest';
import { createSeal } from '../src/seal.ts';

const seal = await createSeal(new Uint8Array(32).fill(1));
const other = await createSeal(new Uint8Array(32).fill(2));

test('a secret opens with the same key and context only', async () => {
  const sealed = await seal.seal('the secret', 'signing-key:a');
  expect(sealed).not.toContain('secret');
  expect(await seal.open(sealed, 'signing-key:a')).toBe('the secret');
  const changed = `${sealed.slice(0, -2)}${sealed.endsWith('AA') ? 'BB' : 'AA'}`;
  await expect(seal.open(sealed, 'signing-key:b')).rejects.toThrow();
  await expect(seal.open(changed, 'signing-key:a')).rejects.toThrow();
  await expect(other.open(sealed, 'signing-key:a')).rejects.toThrow();
});

test('a MAC is the same for the same purpose and data only', async () => {
  const data = new Uint8Array([1, 2, 3]);
  const mac = await seal.mac('refresh-token', data);
  expect(mac).toHaveLength(32);
  expect(await seal.mac('refresh-token', data)).toEqual(mac);
  expect(await seal.mac('other', data)).not.toEqual(mac);
  expect(await other.mac('refresh-token', data)).not.toEqual(mac);
});

test('a master key has 32 bytes', async () => {
  await expect(createSeal(new Uint8Array(31))).rejects.toThrow('31 bytes');
});
