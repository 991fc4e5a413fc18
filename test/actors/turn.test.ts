import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';
import type { ConversationId, CreatorId } from '../../src/ids.ts';
import { conversationTopic } from '../../src/shared/fan-out.ts';
import { createMemoryFanOut } from '../../src/shared/memory.ts';
import { getConversation, listTurns, messagesAfter } from '../../src/store/conversations.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { answerOf, evening, makeRuntime, openTestConversation, publish, type TestRuntime } from '../support/runtime.ts';
import { soon } from '../support/soon.ts';

const db = await testDatabase();
const creatorId = await testCreator(db);
await publish(db, creatorId);

const running: TestRuntime[] = [];
function node(options: Parameters<typeof makeRuntime>[1] = {}, on: Database = db): TestRuntime {
  const runtime = makeRuntime(on, options);
  running.push(runtime);
  return runtime;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((runtime) => runtime.stop()));
});

const message = (id: string, text = id): Input => ({ id: `msg:${id}`, kind: 'message', messageId: crypto.randomUUID(), text });
const texts = async (key: ConversationKey) => (await messagesAfter(db, key, 0, 1000)).map((said) => said.body.text);

describe.each([
  ['hot', 100],
  ['restored on every turn', 0],
])('a turn of a conversation that is %s', (_name, hotConversations) => {
  it('is on record before its input is answered', async () => {
    const key = await openTestConversation(db, creatorId);
    expect(await node({ hotConversations }).mailboxes.deliver(key, message('hello'))).toEqual({ seq: 1 });
    const stored = await getConversation(db, key);
    expect(stored).toMatchObject({ version: 1, seq: 3, state: 'start', status: 'active' });
    expect(await texts(key)).toHaveLength(3);
  });

  it('takes an input once, however often it comes and from where', async () => {
    const key = await openTestConversation(db, creatorId);
    const [a, b] = [node({ hotConversations }), node({ hotConversations })];
    await a.mailboxes.deliver(key, message('hello'));
    const results = await Promise.all([a, b, a, b, a].map((one) => one.mailboxes.deliver(key, message('seven', '7:00'))));
    expect(new Set(results.map(({ seq }) => seq))).toEqual(new Set([4]));
    expect(await b.mailboxes.deliver(key, message('seven', '7:00'))).toEqual({ seq: 4 });
    expect((await texts(key)).filter((text) => text === '7:00')).toHaveLength(1);
  });

  it('applies what waits in order, on two nodes at once, each exactly once', async () => {
    const key = await openTestConversation(db, creatorId);
    const nodes = [node({ hotConversations }), node({ hotConversations })];
    const sent = Array.from({ length: 40 }, (_, index) => `m${index}`);
    await Promise.all(sent.map((text, index) => nodes[index % 2]?.mailboxes.deliver(key, message(text))));
    const messages = await messagesAfter(db, key, 0, 1000);
    expect(messages.map((said) => said.seq)).toEqual(messages.map((_, index) => index + 1));
    const heard = messages.filter((said) => said.role === 'contact').map((said) => said.body.text);
    expect([...heard].sort()).toEqual([...sent].sort());
    for (const parity of [0, 1]) {
      const ofNode = heard.filter((text) => Number(text.slice(1)) % 2 === parity);
      expect(ofNode).toEqual(sent.filter((_, index) => index % 2 === parity));
    }
    const turns = await listTurns(db, key, Number.MAX_SAFE_INTEGER, 1000);
    expect(turns.filter((turn) => turn.kind === 'message')).toHaveLength(40);
  });

  it('survives a reply of the database that is lost after the commit', async () => {
    const key = await openTestConversation(db, creatorId);
    let lose = 1;
    const lossy: Database = {
      ...db,
      routing: async (text, params) => {
        const rows = await db.routing(text, params);
        if (text.includes('commit_turns') && lose-- > 0) throw new AppError('UNAVAILABLE', 'Connection lost');
        return rows as never;
      },
    };
    const fanOut = createMemoryFanOut(() => undefined);
    const heard: unknown[] = [];
    await fanOut.subscribe(conversationTopic(creatorId, key.conversationId), (news) => heard.push(news));
    expect(await node({ hotConversations, fanOut }, lossy).mailboxes.deliver(key, message('hello'))).toEqual({ seq: 1 });
    expect(await texts(key)).toHaveLength(3);
    // Whoever has a socket hears that there is something to be read.
    expect(heard).toEqual([{ type: 'missed' }]);
  });
});

describe('a mailbox', () => {
  it('knows no conversation of another creator', async () => {
    const key = await openTestConversation(db, creatorId);
    const other = await testCreator(db);
    const { mailboxes } = node();
    await mailboxes.deliver(key, message('hello'));
    for (const wrong of [
      { ...key, creatorId: other },
      { ...key, conversationId: crypto.randomUUID() as ConversationId },
    ]) {
      await expect(mailboxes.deliver(wrong, message('x'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect(await texts(key)).toHaveLength(3);
  });

  it('refuses what it cannot hold, with a hint when to come back, and loses nothing it took', async () => {
    const key = await openTestConversation(db, creatorId);
    const { mailboxes } = node();
    const results = await Promise.allSettled(Array.from({ length: 300 }, (_, index) => mailboxes.deliver(key, message(`m${index}`))));
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'OVERLOADED', details: { retry_after_ms: 1000 } });
    const heard = (await messagesAfter(db, key, 0, 10_000)).filter((said) => said.role === 'contact');
    expect(heard).toHaveLength(300 - refused.length);
  });
});

describe('an effect', () => {
  // The tests before have left merged questions, which wait for a second and are nobody's any more.
  beforeAll(() => db.tenant(creatorId, (sql) => sql('delete from effects')));

  it('runs after its turn and brings its answer home', async () => {
    const key = await openTestConversation(db, creatorId);
    const runtime = node();
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, message('hello'));
    await runtime.mailboxes.deliver(key, message('why', 'why do you ask?'));
    await soon(async () => expect((await texts(key)).at(-1)).toBe('Nine hours.'));
    // The node may have run what another test had planned, too.
    expect(runtime.asked).toContainEqual(expect.objectContaining({ creatorId, question: 'why do you ask?', language: null }));
    expect(await openEffects(key)).toBe(0);
  });

  it('of a node that died is run by another when its lease has run out, and answered once', async () => {
    const key = await openTestConversation(db, creatorId);
    const clock = manualClock(evening);
    const dying = node({
      clock,
      script: (_request, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    dying.effects.start();
    await dying.mailboxes.deliver(key, message('hello'));
    await dying.mailboxes.deliver(key, message('why', 'why do you ask?'));
    await soon(() => expect(dying.asked).toHaveLength(1));
    const heir = node({ clock: manualClock(evening + 5_000) });
    heir.effects.start();
    await heir.effects.stop();
    expect(heir.asked).toHaveLength(0);
    heir.clock.advance(40_000);
    heir.effects.start();
    await soon(async () => expect((await texts(key)).at(-1)).toBe('Nine hours.'));
    expect((await texts(key)).filter((text) => text === 'Nine hours.')).toHaveLength(1);
  });

  it('whose outcome meets a record that is down brings it home when it is up, and is not run again', async () => {
    const key = await openTestConversation(db, creatorId);
    let refused = 0;
    let down = false;
    const breaking: Database = {
      ...db,
      routing: async (text, params) => {
        if (!down || !text.includes('commit_turns')) return db.routing(text, params);
        refused += 1;
        throw new AppError('UNAVAILABLE', 'Try again soon');
      },
    };
    const clock = manualClock(evening);
    const runtime = node(
      {
        clock,
        script: async () => {
          down = true;
          return answerOf('Nine hours.');
        },
      },
      breaking,
    );
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, message('hello'));
    await runtime.mailboxes.deliver(key, message('why', 'why do you ask?'));
    await soon(() => expect(refused).toBe(2));
    down = false;
    await soon(async () => {
      clock.advance(500);
      expect((await texts(key)).at(-1)).toBe('Nine hours.');
    });
    expect(runtime.asked).toHaveLength(1);
  });

  it('that fails is tried again later, three times, then the contact gets an apology', async () => {
    const key = await openTestConversation(db, creatorId);
    const runtime = node({ script: () => Promise.reject(new Error('no model')) });
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, message('hello'));
    await runtime.mailboxes.deliver(key, message('why', 'why do you ask?'));
    for (let tries = 1; tries <= 3; tries += 1) {
      await soon(() => expect(runtime.asked).toHaveLength(tries));
      await runtime.effects.stop();
      runtime.clock.advance(60_000);
      runtime.effects.start();
    }
    await soon(async () => expect((await texts(key)).at(-1)).toMatch(/try again in a moment/));
  });

  it('that was superseded is stopped and its late answer counts for nothing', async () => {
    const key = await openTestConversation(db, creatorId);
    const signals: AbortSignal[] = [];
    const runtime = node({
      script: (request, signal) => {
        signals.push(signal);
        if (signals.length > 1) return Promise.resolve(answerOf(`About: ${request.question}`));
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, message('hello'));
    await runtime.mailboxes.deliver(key, message('a', 'why though?'));
    await soon(() => expect(runtime.asked).toHaveLength(1));
    await runtime.mailboxes.deliver(key, message('b', 'and how?'));
    expect(signals[0]?.aborted).toBe(true);
    anAnswerLater(runtime);
    await soon(async () => expect((await texts(key)).at(-1)).toBe('About: why though?\nand how?'));
  });

  it('that others are merged into is asked once nothing has been added for a second, however many they were', async () => {
    const key = await openTestConversation(db, creatorId);
    const runtime = node({
      script: (request, signal) =>
        request.question === 'why though?'
          ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
          : Promise.resolve(answerOf(`About: ${request.question}`)),
    });
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, message('hello'));
    await runtime.mailboxes.deliver(key, message('a', 'why though?'));
    await soon(() => expect(runtime.asked).toHaveLength(1));
    for (const text of ['how?', 'when?', 'where?']) {
      await runtime.mailboxes.deliver(key, message(text, text));
      runtime.clock.advance(600);
      // Whoever would go on asking has the time to.
      for (let n = 0; n < 20; n += 1) await db.routing('select 1');
    }
    expect(runtime.asked).toHaveLength(1);
    anAnswerLater(runtime);
    await soon(async () => expect((await texts(key)).at(-1)).toBe('About: why though?\nhow?\nwhen?\nwhere?'));
    expect(runtime.asked).toHaveLength(2);
  });
});

/** The quiet that merged messages wait for is over. */
function anAnswerLater({ clock, effects }: ReturnType<typeof node>): void {
  clock.advance(1_000);
  effects.wake();
}

describe('a message to an outside channel', () => {
  const outcomes = async (key: ConversationKey) => {
    const rows = await db.tenant(key.creatorId, (sql) =>
      sql<{ status: string }>(`select status from effects where conversation_id = $1 and type = 'send' order by position`, [
        key.conversationId,
      ]),
    );
    return rows.map(({ status }) => status);
  };

  it('is sent after the one before it has ended, each to one outcome', async () => {
    const key = await openTestConversation(db, creatorId, 'telegram');
    const sent: number[] = [];
    const runtime = node({
      send: async ({ seq }) => {
        sent.push(seq);
        return seq === 2 && sent.length === 1
          ? { outcome: 'retry', afterMs: 0, reason: 'busy' }
          : { outcome: 'sent', providerId: `p${seq}` };
      },
    });
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, message('hello'));
    await soon(async () => expect(await outcomes(key)).toEqual(['done', 'done']));
    expect(sent).toEqual([2, 2, 3]);
  });

  it('that nobody knows the fate of is left uncertain and not sent again', async () => {
    const key = await openTestConversation(db, creatorId, 'telegram');
    let tries = 0;
    const runtime = node({
      send: async () => {
        tries += 1;
        return { outcome: 'uncertain', reason: 'time-out' };
      },
    });
    runtime.effects.start();
    await runtime.mailboxes.deliver(key, message('hello'));
    await soon(async () => expect(await outcomes(key)).toEqual(['uncertain', 'uncertain']));
    expect(tries).toBe(2);
  });
});

describe('a timer', () => {
  async function asleep(runtime: TestRuntime): Promise<ConversationKey> {
    const key = await openTestConversation(db, creatorId);
    await runtime.mailboxes.deliver(key, message('hello'));
    await runtime.mailboxes.deliver(key, message('seven', '7:00'));
    return key;
  }

  it('fires when the clock reaches it and not before', async () => {
    const runtime = node();
    const key = await asleep(runtime);
    runtime.timers.start();
    runtime.clock.set(Date.UTC(2026, 9, 21, 6, 29, 59));
    await runtime.timers.stop();
    expect((await getConversation(db, key)).state).toBe('asleep');
    runtime.timers.start();
    await soon(async () => {
      runtime.clock.advance(1000);
      expect((await getConversation(db, key)).state).toBe('check');
    });
    expect((await texts(key)).at(-1)).toBe('Good morning. How was your night?');
  });

  it('that fell due while no node ran follows its late rule', async () => {
    const key = await asleep(node());
    const restarted = node({ clock: manualClock(Date.UTC(2026, 9, 21, 12)) });
    restarted.timers.start();
    await soon(async () => expect((await getConversation(db, key)).timers[0]?.dueAt).toEqual(new Date('2026-10-22T06:30:00.000Z')));
    expect((await getConversation(db, key)).state).toBe('asleep');
  });

  it('is fired once by two pumps', async () => {
    const key = await asleep(node());
    const pumps = [1, 2].map(() => node({ clock: manualClock(Date.UTC(2026, 9, 21, 6, 31)) }));
    for (const pump of pumps) pump.timers.start();
    await soon(async () => expect((await getConversation(db, key)).state).toBe('check'));
    await Promise.all(pumps.map((pump) => pump.timers.stop()));
    expect((await texts(key)).filter((text) => text.startsWith('Good morning'))).toHaveLength(1);
  });
});

async function openEffects(key: ConversationKey): Promise<number> {
  const rows = await db.tenant(key.creatorId, (sql) =>
    sql(`select id from effects where conversation_id = $1 and status = 'planned'`, [key.conversationId]),
  );
  return rows.length;
}

describe('a herd of timers', () => {
  /** Conversations of one creator, each with a timer due at an instant. */
  async function herdOf(owner: CreatorId, count: number, at: number): Promise<void> {
    const ids = Array.from({ length: count }, () => crypto.randomUUID());
    await db.tenant(owner, async (sql) => {
      await sql('insert into contacts (creator_id, id) select $1, id from unnest($2::uuid[]) as id', [owner, ids]);
      await sql(
        `insert into conversations (creator_id, id, session_id, contact_id, channel)
         select $1, id, id, id, 'widget' from unnest($2::uuid[]) as id`,
        [owner, ids],
      );
      await sql(
        `insert into timers (creator_id, conversation_id, timer_id, generation, due_at)
         select $1, id, 'x', 1, $3 from unnest($2::uuid[]) as id`,
        [owner, ids, new Date(at)],
      );
    });
  }

  /** A database that notes whose timers are claimed, and takes no turn before `open` resolves. */
  function watchedClaims(open: Promise<void> = Promise.resolve()) {
    const claims: string[][] = [];
    const watched: Database = {
      ...db,
      routing: async (text, params) => {
        if (text.includes('commit_turns')) await open;
        const rows = await db.routing<{ creator_id: string }>(text, params);
        if (text.includes('claim_timers')) claims.push(rows.map((row) => row.creator_id));
        return rows as never;
      },
    };
    return { claims, watched };
  }

  it('of one creator lets the timers of another go before its own third batch', async () => {
    const [herd, quiet] = [await testCreator(db), await testCreator(db)];
    await herdOf(herd, 450, evening - 60_000);
    await herdOf(quiet, 5, evening - 1_000);
    const { claims, watched } = watchedClaims();
    const runtime = node({}, watched);
    runtime.timers.start();
    await soon(() => expect(claims.flat().filter((owner) => owner === herd)).toHaveLength(450));
    expect(claims[1]).toContain(quiet);
  });

  it('is claimed no faster than its turns are taken, and no further once the node stops', async () => {
    const herd = await testCreator(db);
    await herdOf(herd, 900, evening);
    const gate = Promise.withResolvers<void>();
    const { claims, watched } = watchedClaims(gate.promise);
    const { timers } = node({}, watched);
    timers.start();
    await soon(() => expect(claims.flat().length).toBeGreaterThanOrEqual(400));
    // Whoever would go on claiming has had the time to.
    for (let n = 0; n < 20; n += 1) await db.routing('select 1');
    expect(claims.flat()).toHaveLength(400);
    const stopped = timers.stop();
    gate.resolve();
    await stopped;
    expect(claims.flat()).toHaveLength(400);
    await db.tenant(herd, (sql) => sql('delete from timers'));
  });

  it('and another beside it are claimed no further ahead of their turns, however long both last', async () => {
    const herds = [await testCreator(db), await testCreator(db)];
    for (const herd of herds) await herdOf(herd, 700, evening);
    let [claimed, taken, ahead] = [0, 0, 0];
    const slow: Database = {
      ...db,
      routing: async (text, params) => {
        const rows = await db.routing(text, params);
        // Whoever would go on claiming meanwhile has the time to.
        if (text.includes('commit_turns')) for (let n = 0; n < 10; n += 1) await db.routing('select 1');
        if (text.includes('commit_turns'))
          taken += (JSON.parse(params?.[0] as string) as { turns: [] }[]).flatMap(({ turns }) => turns).length;
        if (text.includes('claim_timers')) claimed += rows.length;
        ahead = Math.max(ahead, claimed - taken);
        return rows as never;
      },
    };
    const { timers } = node({}, slow);
    timers.start();
    await soon(() => expect(taken).toBe(1_400));
    // Four batches, and one past the herd that the last of them is full of.
    expect(ahead).toBeLessThanOrEqual(500);
    for (const herd of herds) await db.tenant(herd, (sql) => sql('delete from timers'));
  });
});
