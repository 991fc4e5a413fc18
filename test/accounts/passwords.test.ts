/** Passwords: what a hash costs, when it fits, and which ones are refused. */
import { readdirSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { afterAll, describe, expect, test } from 'vitest';
import { isCommon, NewPassword } from '../../src/accounts/password-policy.ts';
import { createPasswords, productionPasswordSettings } from '../../src/accounts/passwords.ts';

const cheap = { memoryKib: 64, iterations: 1, parallelism: 1 };

describe('passwords', () => {
  const passwords = createPasswords({ settings: cheap, threads: 1, queueMost: 2 });
  afterAll(() => passwords.close());

  test('fit their own hash only', async () => {
    const hash = await passwords.hash('a long unlikely phrase');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$/);
    expect(await passwords.verify('a long unlikely phrase', hash)).toBe(true);
    expect(await passwords.verify('a long unlikely phrase ', hash)).toBe(false);
    expect(await passwords.hash('a long unlikely phrase')).not.toBe(hash);
  });

  test('fit nothing where there is no account', async () => {
    expect(await passwords.verify('a password that nobody has', null)).toBe(false);
  });

  test('are refused when too many wait, and taken again afterwards', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => passwords.hash('a long unlikely phrase')));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(outcomes[4]).toMatchObject({ reason: { code: 'OVERLOADED', details: { retry_after_ms: 2_000 } } });
    await expect(passwords.hash('a long unlikely phrase')).resolves.toBeDefined();
  });

  test('of a damaged hash are reported, and the thread goes on', async () => {
    await expect(passwords.verify('x', '$argon2id$damaged')).rejects.toThrow('Cannot hash');
    await expect(passwords.hash('a long unlikely phrase')).resolves.toBeDefined();
  });
});

test('in service, hashing leaves the event loop its way: threads of their own, below it in priority on Linux', async () => {
  const passwords = createPasswords();
  await passwords.hash('a long unlikely phrase');
  const priorities = process.platform === 'linux' ? readdirSync('/proc/self/task').map((task) => niceOf(task)) : [0, 5];
  await passwords.close();
  expect(priorities.filter((nice) => nice > 0)).toEqual([5]);
  expect(priorities).toContain(0);
});

/** proc(5): the 19th field, which is the 17th after the name. */
function niceOf(task: string): number {
  return Number(readFileSync(`/proc/self/task/${task}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[16]);
}

test('in service, a hash costs what OWASP and ASVS ask for', async () => {
  expect(productionPasswordSettings).toEqual({ memoryKib: 47_104, iterations: 1, parallelism: 1 });
  const passwords = createPasswords();
  const hash = await passwords.hash('a long unlikely phrase');
  await passwords.close();
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=47104,t=1,p=1\$/);
  expect(passwords.outdated(hash)).toBe(false);
  expect(passwords.outdated(hash.replace('m=47104', 'm=19456'))).toBe(true);
});

describe('the password policy', () => {
  test.each([
    'password123456',
    'P4ssw0rd!2024',
    '123456789012',
    'qwertyuiop12',
    '1qaz2wsx3edc',
    'aaaaaaaaaaaa',
    'abcabcabcabc',
    'iloveyou12345',
    'contraseña2026',
    'Companero2026!',
  ])('refuses %s', (password) => expect(isCommon(password)).toBe(true));
  test.each(['correct horse battery staple', 'x7Kp9_mQz2Lw', 'ñandú-montaña-río', '日本語のパスワード長い文', 'a'.padEnd(12, 'bcXq9Zw7')])(
    'accepts %s',
    (password) => expect(v.is(NewPassword, password)).toBe(true),
  );
  test('counts characters as people do, and bytes as computers do', () => {
    expect(v.is(NewPassword, '🌧🌈🌊🔥🍀🎲🎸🚲🛶🦉🦔')).toBe(false);
    expect(v.is(NewPassword, 'xé'.repeat(90))).toBe(false);
    expect(v.is(NewPassword, `${'violet harbour ladder '.repeat(4)}mosaic`)).toBe(true);
  });
});
