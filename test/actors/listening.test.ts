/** Voice notes that are put into words: in order, once, within their time, through crashes and erasure. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Conversation } from '../../src/actors/conversation.ts';
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import { receive } from '../../src/actors/receive.ts';
import { transcribeRunner } from '../../src/actors/run-transcribe.ts';
import type { CreatorId, ProgramId } from '../../src/ids.ts';
import { createTranscriber } from '../../src/media/transcriber.ts';
import type { Attachment } from '../../src/message.ts';
import { compile } from '../../src/programs/compile.ts';
import { conversationTopic } from '../../src/shared/fan-out.ts';
import { createMemoryFanOut } from '../../src/shared/memory.ts';
import { listTurns, messagesAfter } from '../../src/store/conversations.ts';
import { insertWebhook, listDeliveries } from '../../src/store/webhooks.ts';
import { manualClock } from '../support/clock.ts';
import { emptyDatabase, testCreator, testDatabase } from '../support/database.ts';
import { simulate } from '../support/example.ts';
import { keptLog } from '../support/kept-log.ts';
import { evening, makeRuntime, openTestConversation, publish, type TestRuntime } from '../support/runtime.ts';
import { recordingOf, startTranscriber, type TranscriberStandIn } from '../support/transcriber-stand-in.ts';

/** Says after the contact what the program has heard. */
const echo = {
  meta: { id: 'echo', specVersion: 1, title: 'Echo', languages: ['en'] },
  entry: [{ id: 'first', on: 'first-message' }],
  content: { echo: { en: { text: 'Heard {{ event.text }}' } }, asked: { en: { text: 'Well?' } } },
  machine: {
    id: 'echo',
    initial: 'open',
    states: {
      open: {
        entry: [{ type: 'say', params: { content: 'asked' } }],
        on: { MESSAGE: { actions: [{ type: 'say', params: { content: 'echo' } }] } },
      },
    },
  },
};

const db = await testDatabase();
let creatorId: CreatorId;
let standIn: TranscriberStandIn;
const running: TestRuntime[] = [];
const files = new Map<string, { medium: Attachment; bytes: Uint8Array }>();
let count = 0;

beforeEach(async () => {
  await emptyDatabase(db);
  creatorId = await testCreator(db);
  await publish(db, creatorId, echo);
  standIn = await startTranscriber();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((runtime) => runtime.stop()));
  await standIn.close();
});

function recording(words: string): Attachment {
  count += 1;
  const bytes = recordingOf(words);
  const medium: Attachment = { id: `file-${count}`, kind: 'audio', type: 'audio/ogg', name: 'voice.ogg', bytes: bytes.byteLength };
  files.set(medium.id, { medium, bytes });
  return medium;
}

function message(text: string, attachments: readonly Attachment[] = []): Extract<Input, { kind: 'message' }> {
  count += 1;
  const messageId = crypto.randomUUID();
  return { id: `msg:${count}`, kind: 'message', messageId, text, ...(attachments.length > 0 ? { attachments } : {}) };
}
const voice = (words: string) => message('', [recording(words)]);

/** A node that puts voice notes into words within a minute. */
function node({ clock = manualClock(evening), isOn = true, kept = keptLog(), fanOut = createMemoryFanOut(() => undefined) } = {}) {
  const transcriber = isOn ? createTranscriber({ url: standIn.url, model: 'm', apiKey: null, fetch, clock, log: kept.log }) : null;
  const run = transcribeRunner({
    ...{ db, clock, fanOut, transcriber, showTyping: async () => undefined },
    readFile: async (_creatorId, id) => files.get(id) ?? null,
  });
  const runtime = makeRuntime(db, {
    ...{ clock, fanOut, log: kept.log, runners: { transcribe: run } },
    ...(isOn ? { transcribeMs: 60_000 } : {}),
  });
  running.push(runtime);
  return { ...runtime, kept, run, fanOut };
}

async function begin(runtime: TestRuntime): Promise<ConversationKey> {
  const key = await openTestConversation(db, creatorId);
  await runtime.mailboxes.deliver(key, message('hi'));
  return key;
}

async function said(key: ConversationKey, role: 'coach' | 'contact' = 'coach'): Promise<string[]> {
  const messages = await messagesAfter(db, key, 0, 100);
  return messages.filter((one) => one.role === role).map(({ body }) => body.text);
}

/** Waits until the program has said as much after "Well?". */
async function heard(key: ConversationKey, ...words: string[]): Promise<void> {
  await vi.waitFor(async () => expect(await said(key)).toEqual(['Well?', ...words.map((word) => `Heard ${word}`)]), { timeout: 5_000 });
}

describe('a voice note', () => {
  it('is acknowledged at once, heard by its words, and marked as spoken', async () => {
    const runtime = node();
    const key = await begin(runtime);
    const told: unknown[] = [];
    await runtime.fanOut.subscribe(
      conversationTopic(creatorId, key.conversationId),
      (news) => told.push(news),
      () => undefined,
    );
    const webhook = { id: crypto.randomUUID(), url: 'https://crm.example/hook', events: ['transcript'], sealedSecret: '' };
    await db.tenant(creatorId, (sql) => insertWebhook(sql, creatorId, webhook));
    expect(await runtime.mailboxes.deliver(key, voice('seven hours'))).toEqual({ seq: 3 });
    expect(await said(key)).toEqual(['Well?']);
    runtime.effects.start();
    await heard(key, 'seven hours');
    const [spoken] = await messagesAfter(db, key, 2, 1);
    expect(spoken?.body).toMatchObject({ text: 'seven hours', transcribed: true, attachments: [{ kind: 'audio' }] });
    expect(told).toContainEqual({ type: 'transcript', seq: 3, text: 'seven hours' });
    const all = { status: null, before: null, most: 10 };
    expect(await db.tenant(creatorId, (sql) => listDeliveries(sql, webhook.id, all))).toMatchObject([
      { event: 'transcript', payload: { conversation_id: key.conversationId, id: spoken?.id, seq: 3, text: 'seven hours' } },
    ]);
  });

  it('of several recordings is heard as one message', async () => {
    const runtime = node();
    const key = await begin(runtime);
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, message('', [recording('one'), recording('two')]));
    await heard(key, 'one\ntwo');
  });

  it('with words of its own, and a picture, are heard as they are', async () => {
    const runtime = node();
    const key = await begin(runtime);
    await runtime.mailboxes.deliver(key, message('listen', [recording('one')]));
    await runtime.mailboxes.deliver(key, message('', [{ ...recording('x'), kind: 'image' }]));
    await heard(key, 'listen', '');
    expect(standIn.calls).toEqual([]);
  });

  it('is a recording without words where nobody puts it into words, as one is that was planned before', async () => {
    const before = node();
    const key = await begin(before);
    await before.mailboxes.deliver(key, voice('planned'));
    const after = node({ isOn: false });
    await after.mailboxes.deliver(key, message('next'));
    after.effects.start();
    await heard(key, '', 'next');
    await after.mailboxes.deliver(key, voice('unheard'));
    await heard(key, '', 'next', '');
    expect(standIn.calls).toEqual([]);
  });

  it('is put into words for a person who has control, and the program says nothing', async () => {
    const runtime = node();
    const key = await begin(runtime);
    await runtime.mailboxes.deliver(key, { id: 'c', kind: 'control', act: 'takeover' });
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, voice('seven hours'));
    await vi.waitFor(async () => expect(await said(key, 'contact')).toEqual(['hi', 'seven hours']));
    await vi.waitFor(async () =>
      expect((await listTurns(db, key, 1e9, 1))[0]).toMatchObject({ kind: 'effect', trace: { as: 'recorded' } }),
    );
    expect(await said(key)).toEqual(['Well?']);
  });
});

describe('what is said meanwhile', () => {
  it('waits its turn', async () => {
    const runtime = node();
    const key = await begin(runtime);
    for (const one of [voice('one'), message('two'), voice('three'), message('four')]) await runtime.mailboxes.deliver(key, one);
    expect(await said(key)).toEqual(['Well?']);
    runtime.effects.start();
    await heard(key, 'one', 'two', 'three', 'four');
  });

  it('is obeyed at once where it is a word that is valid everywhere', async () => {
    const runtime = node();
    const key = await begin(runtime);
    await runtime.mailboxes.deliver(key, voice('one'));
    await runtime.mailboxes.deliver(key, message('STOP'));
    expect((await said(key)).at(-1)).toMatch(/no more messages/);
  });

  it('and is too much has everything heard as it is', async () => {
    const runtime = node();
    const key = await begin(runtime);
    await runtime.mailboxes.deliver(key, voice('one'));
    for (let n = 0; n < 10; n += 1) await runtime.mailboxes.deliver(key, message(`${n}`));
    await heard(key, '', ...Array.from({ length: 10 }, (_, n) => `${n}`));
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, message('after'));
    expect(standIn.calls).toEqual([]);
  });

  it('property: is heard in the order it was said, whenever the words come', () => {
    const steps = fc.array(fc.record({ does: fc.constantFrom('speaks', 'writes', 'words', 'silence'), which: fc.nat(9) }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(steps, (given) => {
        const contact = speaker();
        // Fewer than have everything heard as it is.
        for (const { does, which } of given) if (contact.order.length < 10 || does === 'words') contact[does](which);
        while (contact.underWay.length > 0) contact.words(0);
        expect(contact.heard).toEqual(contact.order.map(({ words }) => `Heard ${words}`));
        expect(contact.snapshot().listening).toBeUndefined();
      }),
    );
  });
});

/** A contact who speaks and writes, and a transcriber that answers out of order, by pure steps. */
function speaker() {
  const program = compile(echo as never);
  const live = [{ id: 'p' as ProgramId, version: 1, program }];
  let conversation: Conversation = simulate(echo as never).conversation();
  const order: { words: string }[] = [];
  const heard: string[] = [];
  const underWay: { id: string; said: { words: string } }[] = [];

  function give(input: Input) {
    const around = { now: evening, generation: conversation.version + 1, current: conversation.program && program, live, listensUntil: 0 };
    const { next, messages, effects } = receive(conversation, input, around);
    conversation = { ...next, version: conversation.version + 1 };
    heard.push(...messages.filter(({ role }) => role === 'coach').map(({ body }) => body.text));
    return effects;
  }

  function end(which: number, isHeard: boolean): void {
    const [one] = underWay.splice(which % Math.max(1, underWay.length), 1);
    if (one === undefined) return;
    const result = isHeard ? { words: one.said.words } : { reason: 'late' };
    if (!isHeard) one.said.words = '';
    give({ id: `effect:${one.id}`, kind: 'effect', effectId: one.id, outcome: isHeard ? 'done' : 'failed', result });
  }

  give(message('hi'));
  heard.length = 0;
  return {
    ...{ order, heard, underWay },
    snapshot: () => conversation.snapshot,
    words: (which: number) => end(which, true),
    silence: (which: number) => end(which, false),
    writes() {
      const said = { words: `w${order.length}` };
      order.push(said);
      give(message(said.words));
    },
    speaks() {
      const said = { words: `w${order.length}` };
      order.push(said);
      for (const { id } of give(voice(said.words))) underWay.push({ id, said });
    },
  };
}

describe('a transcriber that', () => {
  it('is slow does not hold the conversation longer than its time', async () => {
    standIn.faults = ['silent'];
    const runtime = node();
    const key = await begin(runtime);
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, voice('one'));
    await runtime.mailboxes.deliver(key, message('two'));
    await vi.waitFor(() => expect(standIn.calls).toHaveLength(1));
    for (let s = 0; s < 60; s += 5) {
      expect(await said(key)).toEqual(['Well?']);
      runtime.clock.advance(5_000);
    }
    await heard(key, '', 'two');
    expect((await messagesAfter(db, key, 2, 1))[0]?.body.transcribed).toBeUndefined();
  });

  it('fails is asked again, and the words come', async () => {
    standIn.faults = [500, 'cut-off', null];
    const runtime = node();
    const key = await begin(runtime);
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, voice('one'));
    await vi.waitFor(async () => {
      runtime.clock.advance(500);
      expect(await said(key)).toEqual(['Well?', 'Heard one']);
    });
  });

  it.each([
    ['says nonsense', 'html' as const],
    ['refuses', 400],
    ['answers without end', 'too-large' as const],
  ])('%s leaves a recording without words', async (_name, fault) => {
    standIn.faults = [fault];
    const runtime = node();
    const key = await begin(runtime);
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, voice('one'));
    await heard(key, '');
  });
});

/** The lease of a dead node runs out; what other tests have left under way is left alone. */
const release = (key: ConversationKey) =>
  db.tenant(creatorId, (sql) =>
    sql("update effects set leased_until = 'epoch' where conversation_id = $1 and status = 'planned'", [key.conversationId]),
  );

describe('a node that dies', () => {
  it('before the words came leaves the voice note to the next', async () => {
    const clock = manualClock(evening);
    const dying = makeRuntime(db, { clock, transcribeMs: 60_000, runners: { transcribe: () => new Promise(() => undefined) } });
    const key = await begin(dying);
    dying.effects.start();
    await dying.mailboxes.deliver(key, voice('one'));
    await vi.waitFor(async () => expect(await claimed(key)).toBe(true));
    const next = node({ clock });
    await release(key);
    next.effects.start();
    await heard(key, 'one');
  });

  it('after it kept the words, or told of them and heard no answer, has them heard once', async () => {
    const clock = manualClock(evening);
    const asking = node({ clock });
    const kept = Promise.withResolvers<void>();
    const dying = makeRuntime(db, {
      ...{ clock, transcribeMs: 60_000 },
      runners: {
        async transcribe(run, signal) {
          const ended = await asking.run(run, signal);
          kept.resolve();
          await new Promise(() => undefined);
          return ended;
        },
      },
    });
    const key = await begin(dying);
    dying.effects.start();
    await dying.mailboxes.deliver(key, voice('one'));
    await kept.promise;
    standIn.hear = () => 'something else';
    await release(key);
    asking.effects.start();
    await heard(key, 'one');
    expect(standIn.calls).toHaveLength(1);
    const [turn] = await listTurns(db, key, 1e9, 1);
    const { inputId, payload } = turn as NonNullable<typeof turn>;
    await asking.mailboxes.deliver(key, { ...(payload as object), id: inputId, kind: 'effect' } as Input);
    await heard(key, 'one');
  });
});

it('a contact who is erased meanwhile leaves no words behind, and none in the log', async () => {
  const runtime = node();
  const key = await begin(runtime);
  await runtime.mailboxes.deliver(key, voice('a secret'));
  const erased = Promise.withResolvers<unknown>();
  standIn.hear = () => {
    erased.resolve(db.tenant(creatorId, (sql) => sql('delete from conversations where id = $1', [key.conversationId])));
    return 'a secret';
  };
  runtime.effects.start();
  await erased.promise;
  await runtime.effects.stop();
  const left = await db.tenant(creatorId, (sql) =>
    sql('select 1 from effects union all select 1 from inputs union all select 1 from messages'),
  );
  expect(left).toEqual([]);
  expect(standIn.calls).toHaveLength(1);
  expect(runtime.kept.lines.join('\n')).not.toContain('secret');
});

async function claimed(key: ConversationKey): Promise<boolean> {
  const rows = await db.tenant(creatorId, (sql) =>
    sql(`select 1 from effects where conversation_id = $1 and type = 'transcribe' and attempts > 0`, [key.conversationId]),
  );
  return rows.length > 0;
}
