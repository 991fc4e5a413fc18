/** Replies in flight, and a person who takes over, where one node writes the answer and another is told of what stops it. */
import { expect, test } from 'vitest';
import { beginSession, type Contact, publish, until, upload } from '../acceptance/clients.ts';
import type { ServerProcess } from '../acceptance/server-process.ts';
import { startOllama } from '../support/ollama.ts';
import { startCluster } from './cluster.ts';

/** Six seconds of words, ten a second. */
const answer = `${Array.from({ length: 60 }, (_, n) => `word${n}`).join(' ')}. You can cancel up to 24 hours before [1].`;

const say = (content: string) => ({ type: 'say', params: { content, class: 'transactional' } });

/** Answers what nobody else does. `EVENT.plan` arms a timer of each kind, `EVENT.ask` asks the documents, `EVENT.tell` speaks. */
const answering = (whileReplying: string) => ({
  meta: { id: whileReplying, specVersion: 1, title: 'Answering', languages: ['en'], zone: 'UTC', channels: ['widget'] },
  entry: [{ id: 'begin', on: 'api', reentry: 'never' }],
  content: Object.fromEntries(['hello', 'told', 'pause', 'keep', 'drop', 'crisis'].map((text) => [text, { en: { text } }])),
  global: { crisis: { words: ['I cannot go on'], content: 'crisis' } },
  delays: {
    never: { for: 'P30D' },
    ...Object.fromEntries(['pause', 'keep', 'drop'].map((whileHuman) => [whileHuman, { for: 'PT4S', whileHuman }])),
  },
  machine: {
    id: 'answering',
    initial: 'talking',
    states: {
      talking: {
        entry: [say('hello')],
        on: {
          'EVENT.ask': 'asking',
          'EVENT.tell': { actions: [say('told')] },
          'EVENT.plan': {
            actions: ['pause', 'keep', 'drop'].map((id) => ({ type: 'setTimer', params: { id, delay: id, event: `EVENT.${id}` } })),
          },
          ...Object.fromEntries(['pause', 'keep', 'drop'].map((id) => [`EVENT.${id}`, { actions: [say(id)] }])),
        },
        after: { never: 'talking' },
      },
      asking: {
        invoke: { src: 'answer', input: { message: 'Until when can I cancel?' }, onDone: 'talking', onError: 'talking' },
        after: { never: 'talking' },
      },
    },
  },
  policies: { unmatched: 'answer', whileReplying },
});

/** Two nodes with a model that writes slowly. What is said on the first one is answered there. */
async function open() {
  const ollama = await startOllama({ reply: () => answer });
  const cluster = await startCluster({ OLLAMA_URL: ollama.url, OLLAMA_CHAT_MODEL: 'test-chat' });
  const [a, b, c] = cluster.nodes as [ServerProcess, ServerProcess, ServerProcess];
  await c.kill();
  await upload(cluster.creator, 'terms.md', '# Terms\n\nYou can cancel up to 24 hours before the session begins.\n');
  for (const policy of ['queue', 'merge', 'latest', 'drop']) await publish(cluster.creator, answering(policy));
  ollama.setFault('slow', ['/api/chat']);
  const there = cluster.creator.at(b.origin);

  return {
    ...{ cluster, a, b },
    /** Somebody with a page on each node. */
    async begin(policy: string) {
      const here = await beginSession(a.origin, cluster.creator.id, policy);
      await here.connect(a.origin);
      await here.hears('hello');
      const other = here.again();
      await other.connect(b.origin);
      await other.hears('hello');
      const id = here.frames.find(({ frame }) => frame.type === 'welcome')?.frame.conversation_id;
      const act = (what: string, body?: object) => there.call('POST', `/creators/conversations/${id}/${what}`, body);
      const effects = async () => {
        const { rows } = await cluster.record.query(
          `select status from effects where type = 'answer' and conversation_id = $1 order by position`,
          [id],
        );
        return rows.map(({ status }) => status);
      };
      return { here, other, act, effects };
    },
  };
}

const pieces = (contact: Contact) => contact.frames.filter(({ frame }) => frame.type === 'delta' && frame.text !== '');
const replies = (contact: Contact) => contact.messages.filter(({ reply }) => reply !== undefined);
const last = (contact: Contact, type: string) => contact.frames.findLast(({ frame }) => frame.type === type)?.frame;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('an answer that one node writes stops within half a second when another is told to, and what was shown of it goes', async () => {
  const { begin } = await open();
  const acts: [string, (person: Awaited<ReturnType<typeof begin>>) => unknown][] = [
    ['takeover', ({ act }) => act('takeover')],
    ['pause', ({ act }) => act('pause')],
    ['restart', ({ act }) => act('restart')],
    ['end', ({ act }) => act('end')],
    ['STOP', ({ other }) => other.say('STOP')],
    ['crisis', ({ other }) => other.say('I cannot go on')],
  ];
  const calledOff = async ([name, tell]: (typeof acts)[number]) => {
    const person = await begin('merge');
    const { here, other } = person;
    here.say(`Until when can I cancel, if ${name} comes?`);
    await until(() => [here, other].every((page) => pieces(page).length > 3));
    await tell(person);
    const told = Date.now();
    await sleep(1_500);
    for (const page of [here, other]) {
      expect(pieces(page).filter(({ at }) => at > told + 500).length, name).toBe(0);
      expect([last(page, 'delta'), last(page, 'typing')], name).toMatchObject([{ text: '', anew: true }, { on: false }]);
      expect(replies(page), name).toEqual([]);
    }
    expect(await person.effects(), name).toEqual(['cancelled']);
  };
  // No more at once than a workspace's share of the model.
  await Promise.all(acts.slice(0, 3).map(calledOff));
  await Promise.all(acts.slice(3).map(calledOff));
});

test('a second message, said on another node, queues, merges, replaces or is dropped; each answer is said once', async () => {
  const { begin } = await open();
  const outcomes = [
    ['queue', ['done', 'done']],
    ['merge', ['cancelled', 'done']],
    ['latest', ['cancelled', 'done']],
    ['drop', ['done']],
  ] as const;
  const secondMessage = async ([policy, effects]: (typeof outcomes)[number]) => {
    const person = await begin(policy);
    const { here, other } = person;
    here.say(`Until when can I cancel, ${policy}?`);
    await until(() => pieces(other).length > 3);
    other.say('Can I cancel a day before?');
    const said = effects.filter((status) => status === 'done').length;
    await until(() => [here, other].every((page) => replies(page).length === said));
    expect(await person.effects(), policy).toEqual(effects);
    expect(other.messages.map(({ seq }) => seq)).toEqual(other.messages.map((_, index) => index + 1));
    for (const page of [here, other]) {
      for (const { reply, text } of replies(page)) {
        const shown = pieces(page).filter(({ frame }) => frame.reply === reply);
        expect(shown.map(({ frame }) => frame.text).join(''), policy).toBe(text);
      }
    }
  };
  await Promise.all(outcomes.map(secondMessage));
});

test('an answer whose node is killed is written by another when the lease has run out, from its beginning, and said once', async () => {
  const { begin, a, b, cluster } = await open();
  const { here, other, effects } = await begin('merge');
  here.say('Until when can I cancel?');
  await until(() => pieces(other).length > 3);
  const late = here.again();
  await late.connect(b.origin);
  await until(() => last(late, 'typing')?.on === true);
  expect(pieces(late)).toEqual([]);
  await a.kill();
  await until(() => replies(other).length > 0);
  await sleep(1_000);
  for (const page of [other, late]) {
    expect(replies(page)).toHaveLength(1);
    const begun = page.frames.findLastIndex(({ frame }) => frame.type === 'delta' && frame.anew);
    const shown = pieces({ ...page, frames: page.frames.slice(begun) });
    expect(shown.map(({ frame }) => frame.text).join('')).toBe(replies(page)[0].text);
    expect(last(page, 'typing')).toEqual({ type: 'typing', on: false });
  }
  expect(await effects()).toEqual(['done']);
  const { rows } = await cluster.record.query(`select count(*)::int as said from messages where body ? 'reply'`);
  expect(rows).toEqual([{ said: 1 }]);
});

test('while a person has control the program says and shows nothing on any node, and its timers pause, go on or are gone', async () => {
  const { begin } = await open();
  const { here, other, act } = await begin('merge');
  await act('events', { name: 'plan' });
  await sleep(1_000);
  await act('takeover');
  const takenAt = Date.now();
  await act('events', { name: 'tell' });
  here.say('Is anybody there?');
  other.say('help');
  await act('messages', { text: 'This is Ana' });
  await sleep(takenAt + 5_000 - Date.now());
  for (const page of [here, other]) {
    const since = page.frames.filter(({ at, frame }) => at > takenAt && frame.type !== 'ack').map(({ frame }) => frame);
    expect(since.map(({ type, role, text }) => `${type} ${role} ${text}`).sort()).toEqual([
      'message contact Is anybody there?',
      'message contact help',
      'message person This is Ana',
    ]);
  }
  await act('release');
  const releasedAt = Date.now();
  await here.hears('pause');
  const told = here.messages.filter(({ role, text }) => role === 'coach' && text !== 'hello').map(({ text }) => text);
  expect([told.slice(0, 2).sort(), told.slice(2)]).toEqual([['keep', 'told'], ['pause']]);
  // Of its four seconds one had passed.
  const pausedMs = Date.now() - releasedAt;
  expect(pausedMs).toBeGreaterThan(2_000);
  expect(pausedMs).toBeLessThan(4_000);
});

test('what a state asks the documents while a person has control is answered when it is given back, on whichever node', async () => {
  const { begin } = await open();
  const { here, other, act, effects } = await begin('merge');
  await act('takeover');
  const takenAt = Date.now();
  await act('events', { name: 'ask' });
  await sleep(2_000);
  for (const page of [here, other]) expect(page.frames.filter(({ at }) => at > takenAt)).toEqual([]);
  expect(await effects()).toEqual([]);
  await act('release');
  await until(() => [here, other].every((page) => replies(page).length === 1));
  expect(await effects()).toEqual(['done']);
});

test('an answer whose node is told to stop is begun anew by another, at once, and said once', async () => {
  const { begin, a } = await open();
  const { here, other, effects } = await begin('merge');
  here.say('Until when can I cancel?');
  await until(() => pieces(other).length > 3);
  await a.stop();
  const stoppedAt = Date.now();
  await until(() => replies(other).length > 0);
  const taken = other.frames.findLast(({ frame }) => frame.type === 'typing' && frame.on);
  expect((taken?.at ?? Number.NaN) - stoppedAt).toBeLessThan(2_000);
  expect(replies(other)).toHaveLength(1);
  expect(await effects()).toEqual(['done']);
});
