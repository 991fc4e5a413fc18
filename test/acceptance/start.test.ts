/** Starting and leaving: the demo, the second start, and configurations that cannot work. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { beginSession, login } from './clients.ts';
import { dataFolder, startInVain, startServer } from './server-process.ts';

const found = (output: string, label: string) => new RegExp(`${label}\\s+(\\S+)`).exec(output)?.[1] ?? '';

test('the first start makes a demo and prints its sign-in; the second keeps everything and prints no password', async () => {
  const DATA_DIR = await dataFolder();
  const first = await startServer({ DATA_DIR });
  const password = found(first.output(), 'Password');
  const creatorId = found(first.output(), 'Demo creator');
  await login(first.origin, 'demo@example.com', password);
  const page = await (await fetch(first.origin)).text();
  expect(page).toContain(creatorId);
  expect((await fetch(`${first.origin}/widget.js`)).status).toBe(200);
  const contact = await beginSession(first.origin, creatorId);
  await contact.connect(first.origin);
  await contact.hears('When do you want to get up?');
  expect((await stat(join(DATA_DIR, 'master.key'))).mode & 0o777).toBe(0o600);
  await first.stop();

  const second = await startServer({ DATA_DIR });
  expect(found(second.output(), 'Demo creator')).toBe(creatorId);
  expect(second.output()).not.toContain('Password');
  const demo = await login(second.origin, 'demo@example.com', password);
  expect((await demo.call('GET', '/creators/programs')).items).toHaveLength(1);
  expect((await demo.call('GET', '/creators/documents')).items).toHaveLength(1);
  await contact.connect(second.origin, 1);
  await contact.hears('When do you want to get up?');
});

test('a signal that the launcher passes on a second time does not cut the leaving short', async () => {
  const server = await startServer({ DATA_DIR: await dataFolder(), DEMO: 'false' });
  await server.stop('twice');
});

test('a wrong configuration ends with exit code 1 and names every variable', async () => {
  const { code, stderr } = await startInVain({ PORT: 'abc', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://somewhere' });
  expect(code).toBe(1);
  expect(stderr).toMatch(/PORT .*"abc"/);
  expect(stderr).toContain('LOG_LEVEL');
  expect(stderr).toContain('DATABASE_URL');
  expect(stderr).toContain('MASTER_KEY');
  expect(stderr).not.toContain('    at ');
});

test('a second process on one data folder is refused in one sentence', async () => {
  const DATA_DIR = await dataFolder();
  await startServer({ DATA_DIR, DEMO: 'false' });
  const { code, stderr } = await startInVain({ DATA_DIR, DEMO: 'false', PORT: '0' });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Stop process \d+ /);
});

test('a taken port is refused in one sentence', async () => {
  const server = await startServer({ DATA_DIR: await dataFolder(), DEMO: 'false' });
  const { code, stderr } = await startInVain({ DATA_DIR: await dataFolder(), PORT: new URL(server.origin).port });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Choose another HOST or PORT: .*EADDRINUSE/);
});
