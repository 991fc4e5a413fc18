/** kill -9 in the middle of conversations: what was acknowledged is there once, and what fell due meanwhile happens by its rule. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { beginSession, type Contact, publish, register, until, upload } from './clients.ts';
import { dataFolder, killWhileStarting, startServer } from './server-process.ts';

const example = async () => JSON.parse(await readFile('examples/sleep-reset.json', 'utf8'));

/** Every coach and contact message once, in order, without a gap. */
function expectWhole(contact: Contact): void {
  expect(contact.messages.map((message) => message.seq)).toEqual(contact.messages.map((_, index) => index + 1));
}

test('killed again and again while people write and answers are in flight, it loses nothing and repeats nothing', async () => {
  const DATA_DIR = await dataFolder();
  let server = await startServer({ DATA_DIR, DEMO: 'false' });
  const PORT = new URL(server.origin).port;
  const creator = await register(server.origin, 'ana@example.com');
  await publish(creator, await example());
  await upload(creator, 'coffee.md', '# Coffee\n\nDrink the last coffee of the day before two in the afternoon.\n');
  const contact = await beginSession(server.origin, creator.id);
  await contact.connect(server.origin);
  contact.say('hello');
  await contact.hears('When do you want to get up?');
  contact.say('7:00');
  await until(() => contact.acked.size === 2);

  const sent = new Map<string, string>();
  // How long after a burst of questions the process dies: before anything is durable, in mid-answer, after it.
  for (const [round, killAfterMs] of [0, 3, 8, 15, 30, 60].entries()) {
    for (let n = 0; n < 3; n += 1) {
      const text = `When is the last coffee? (${round}.${n})`;
      sent.set(contact.say(text), text);
    }
    await new Promise((resolve) => setTimeout(resolve, killAfterMs));
    await server.kill();
    server = await startServer({ DATA_DIR, DEMO: 'false', PORT });
    await contact.connect(server.origin, contact.messages.at(-1)?.seq ?? 0);
    for (const [id, text] of sent) if (!contact.acked.has(id)) contact.say(text, id);
    await until(() => [...sent.keys()].every((id) => contact.acked.has(id)));
  }

  // The questions were merged: they are asked once nothing has been added for a second.
  await until(() => contact.messages.some(({ reply }) => reply !== undefined));
  await settled(contact);
  expectWhole(contact);
  for (const [id, text] of sent) {
    expect(contact.messages.filter((message) => message.id === id)).toMatchObject([{ text, seq: contact.acked.get(id) }]);
  }
  const replies = contact.messages.flatMap((message) => message.reply ?? []);
  expect(new Set(replies).size).toBe(replies.length);
  expect((await creator.call('GET', '/creators/conversations')).items).toHaveLength(1);
});

/** A contact whose server says nothing more for a while. */
async function settled(contact: Contact): Promise<void> {
  let count = -1;
  while (count !== contact.messages.length) {
    count = contact.messages.length;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

/** Says "due" one hour after the beginning, by the late rule. */
const reminding = (id: string, late: object | undefined) => ({
  meta: { id, specVersion: 1, title: id, languages: ['en'], zone: 'UTC', channels: ['widget'] },
  entry: [{ id: 'begin', on: 'api', reentry: 'never' }],
  content: { begin: { en: { text: 'We begin' } }, due: { en: { text: 'An hour has passed' } } },
  delays: { hour: { for: 'PT1H', ...(late ? { late } : {}) } },
  machine: {
    id,
    initial: 'waiting',
    states: {
      waiting: { entry: [{ type: 'say', params: { content: 'begin' } }], after: { hour: 'passed' } },
      passed: { entry: [{ type: 'say', params: { content: 'due', class: 'nudge' } }], on: { MESSAGE: 'over' }, meta: { timeout: 'none' } },
      over: { type: 'final' },
    },
  },
});

test('a timer that fell due while the server was dead fires once, by its late rule', async () => {
  const environment = { DATA_DIR: await dataFolder(), DEMO: 'false', CLOCK_RATE: '3600' };
  let server = await startServer(environment);
  const PORT = new URL(server.origin).port;
  const creator = await register(server.origin, 'ana@example.com');
  await publish(creator, reminding('send-late', undefined));
  await publish(creator, reminding('skip-late', { after: 'PT2H', do: 'skip' }));
  const [sends, skips] = [
    await beginSession(server.origin, creator.id, 'send-late'),
    await beginSession(server.origin, creator.id, 'skip-late'),
  ];
  await server.kill();
  // Four hours of conversation time.
  await new Promise((resolve) => setTimeout(resolve, 4_000));

  server = await startServer({ ...environment, PORT });
  await Promise.all([sends.connect(server.origin), skips.connect(server.origin)]);
  await sends.hears('An hour has passed');
  await until(async () =>
    (await creator.call('GET', '/creators/conversations')).items.every((item: { state: string }) => item.state === 'passed'),
  );
  await server.kill();
  server = await startServer({ ...environment, PORT });
  await Promise.all([sends.connect(server.origin, 2), skips.connect(server.origin, 1)]);
  await settled(sends);
  expect(sends.messages.map((message) => message.text)).toEqual(['We begin', 'An hour has passed']);
  expect(skips.messages.map((message) => message.text)).toEqual(['We begin']);
});

test('killed at any moment of its first start, it starts the next time', async () => {
  for (const killAfterMs of [400, 1_200, 2_000, 3_000]) {
    const DATA_DIR = await dataFolder();
    await killWhileStarting({ DATA_DIR, DEMO: 'false' }, killAfterMs);
    await (await startServer({ DATA_DIR, DEMO: 'false' })).stop();
  }
});
