/** The main job from outside: a creator sets up a program and a document, a contact follows it, both over the public API. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { beginSession, login, publish, register, until, upload } from './clients.ts';
import { dataFolder, startServer } from './server-process.ts';

const example = async () => JSON.parse(await readFile('examples/sleep-reset.json', 'utf8'));

test('a creator publishes a program and a document, and a contact follows and asks', async () => {
  const server = await startServer({ DATA_DIR: await dataFolder(), DEMO: 'false' });
  const creator = await register(server.origin, 'ana@example.com');
  await publish(creator, await example());
  await upload(
    creator,
    'coffee.md',
    '# Coffee\n\nDrink the last coffee of the day before two in the afternoon, because caffeine stays for hours.\n',
  );

  const contact = await beginSession(server.origin, creator.id);
  await contact.connect(server.origin);
  const first = contact.say('hello');
  await contact.hears('Welcome.');
  await contact.hears('When do you want to get up?');
  expect(contact.acked.get(first)).toBe(1);

  contact.say('half past six');
  contact.say('When should I drink my last coffee?');
  const answer = await contact.hears('two in the afternoon');
  expect(answer.citations[0].title).toContain('coffee');

  const { items } = await creator.call('GET', '/creators/conversations');
  const { conversation } = await creator
    .call('GET', `/creators/conversations/${items[0].id}`)
    .then((body) => ({ conversation: body.conversation ?? body }));
  expect(conversation.contact.fields.wakeTime).toBe('06:30');
  expect(contact.messages.map((message) => message.seq)).toEqual(contact.messages.map((_, index) => index + 1));

  const { answer: text, grounded, citations } = await creator.call('POST', '/ai/query', { question: 'When is the last coffee?' });
  expect(grounded).toBe(true);
  expect(text).toContain('two in the afternoon');
  expect(citations.length).toBeGreaterThan(0);
  await server.stop();
});

test('a member takes a conversation over, writes, and gives it back', async () => {
  const server = await startServer({ DATA_DIR: await dataFolder(), DEMO: 'false' });
  const creator = await register(server.origin, 'ana@example.com');
  await publish(creator, await example());
  const contact = await beginSession(server.origin, creator.id);
  await contact.connect(server.origin);
  contact.say('hello');
  await contact.hears('When do you want to get up?');

  const { items } = await creator.call('GET', '/creators/conversations');
  const path = `/creators/conversations/${items[0].id}`;
  await creator.call('POST', `${path}/takeover`);
  await creator.call('POST', `${path}/messages`, { text: 'This is Ana herself' });
  await until(() => contact.messages.some((message) => message.role === 'person' && message.text === 'This is Ana herself'));
  contact.say('7:00');
  await until(() => contact.messages.some((message) => message.text === '7:00'));
  await creator.call('POST', `${path}/release`);
  expect(contact.messages.filter((message) => message.role === 'coach')).toHaveLength(2);
});

test('a week passes in seconds on a fast clock', async () => {
  const server = await startServer({ DATA_DIR: await dataFolder(), DEMO: 'false', CLOCK_RATE: '50000' });
  const creator = await register(server.origin, 'ana@example.com');
  await publish(creator, await example());
  const contact = await beginSession(server.origin, creator.id, 'sleep-reset');
  await contact.connect(server.origin);
  await contact.hears('When do you want to get up?');
  contact.say('7:00');
  const seen = new Set<number>();
  await until(() => {
    for (const message of contact.messages) {
      if (message.buttons === undefined || seen.has(message.seq)) continue;
      seen.add(message.seq);
      contact.press(message.seq, 'good');
    }
    return contact.messages.some((message) => message.text === 'Seven nights. You did it.');
  });
  expect(contact.messages.filter((message) => message.text.startsWith('Well done'))).toHaveLength(7);
});

test('a creator who signs in again finds everything', async () => {
  const DATA_DIR = await dataFolder();
  const first = await startServer({ DATA_DIR, DEMO: 'false' });
  const id = await publish(await register(first.origin, 'ana@example.com'), await example());
  await first.stop();
  const second = await startServer({ DATA_DIR, DEMO: 'false' });
  const { items } = await (await login(second.origin, 'ana@example.com')).call('GET', '/creators/programs');
  expect(items.map((program: { id: string }) => program.id)).toEqual([id]);
});
