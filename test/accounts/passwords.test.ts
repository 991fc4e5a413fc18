/** Passwords: what a hash costs, when it fits, and which ones are refused. */
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { dictionary } from '@zxcvbn-ts/language-common';
import * as v from 'valibot';
import { afterAll, describe, expect, test } from 'vitest';
import { isGuessable } from '../../src/accounts/guessing.ts';
import { NewPassword } from '../../src/accounts/password-policy.ts';
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

test.runIf(process.platform === 'linux')(
  'in service, hashing leaves the event loop its way: threads of their own, below it in priority on Linux',
  async () => {
    const before = tasks();
    const passwords = createPasswords();
    await passwords.hash('a long unlikely phrase');
    const added = tasks().filter((task) => !before.includes(task));
    const priorities = added.map((task) => niceOf(task) - getPriority());
    expect(niceOf(String(process.pid))).toBe(getPriority());
    await passwords.close();
    expect(priorities.filter((nice) => nice > 0)).toEqual([5]);
  },
);

/** The threads of this process, by their ids. */
const tasks = () => readdirSync('/proc/self/task');

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

describe('a password that is chosen', () => {
  const passwords = createPasswords({ settings: cheap, threads: 1 });
  afterAll(() => passwords.close());
  const about = ['marisol.quintero@example.org', 'Marisol Quintero'];
  const refused = { code: 'INVALID_INPUT', message: 'Choose a password that is harder to guess' };

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
    'motherfucker',
    'polniypizdec0211',
    'barcelona1899',
    'drowssap4321',
    'MarisolQuintero',
    'quintero2026!',
  ])('is refused when it is %s', (password) => expect(passwords.choose(password, about)).rejects.toMatchObject(refused));

  test.each([
    'correct horse battery staple',
    'x7Kp9_mQz2Lw',
    'ñandú-montaña-río',
    '日本語のパスワード長い文',
    'abcXq9Zw7bcX',
    'a long unlikely phrase',
  ])('is taken when it is %s', async (password) =>
    expect(await passwords.verify(password, await passwords.choose(password, about))).toBe(true),
  );

  test('is on no list of breached ones, with an ending or without', () => {
    const listed = dictionary['passwords-common'].map(String);
    expect(listed.length).toBeGreaterThan(40_000);
    const long = listed.filter((password) => password.length >= 12);
    const ended = listed.filter((password) => password.length >= 9).map((password) => `${password}123`);
    const sample = [...long, ...ended.filter((_, index) => index % 40 === 0)];
    expect(sample.length).toBeGreaterThan(300);
    expect(sample.filter((password) => !isGuessable(password, []))).toEqual([]);
  });

  test('is judged by its beginning, in bounded time', () => {
    expect(isGuessable(`${'p4ssw0rd'.repeat(9)}x7Kp9_mQz2Lw`, about)).toBe(true);
    expect(isGuessable(`x7Kp9_mQz2Lw${'p4ssw0rd'.repeat(9)}`, about)).toBe(false);
  });
});

describe('the size of a password', () => {
  test('counts characters as people do, and bytes as computers do', () => {
    expect(v.is(NewPassword, '🌧🌈🌊🔥🍀🎲🎸🚲🛶🦉🦔')).toBe(false);
    expect(v.is(NewPassword, 'xé'.repeat(90))).toBe(false);
    expect(v.is(NewPassword, `${'violet harbour ladder '.repeat(4)}mosaic`)).toBe(true);
  });
});
