/** Analytics over HTTP: the figures of a small made history, day by day in the creator's zone. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createPrograms } from '../../../src/actors/live-programs.ts';
import { analyticsRoutes } from '../../../src/http/routes/analytics.ts';
import type { ConversationId, ProgramId } from '../../../src/ids.ts';
import { createMemoryFanOut } from '../../../src/shared/memory.ts';
import { insertAnswer } from '../../../src/store/answers.ts';
import { testApp } from '../../support/app.ts';
import { manualClock } from '../../support/clock.ts';
import { testDatabase } from '../../support/database.ts';
import { makeDefinition, sleepReset } from '../../support/example.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { openTestConversation, publish } from '../../support/runtime.ts';

const database = await testDatabase();
const core = { db: database, fanOut: createMemoryFanOut(() => undefined), clock: manualClock(Date.UTC(2026, 9, 31, 12)), log: quietLog };
const programs = createPrograms(core);
const { newMember, ids } = await testApp(database, core.clock, {
  mounts: ({ member, count }) => [
    { path: '/api/v1/creators/analytics', routes: analyticsRoutes({ database, programs, clock: core.clock, count, member }) },
  ],
});
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const root = '/api/v1/creators/analytics';
const days = 'from=2026-10-19&to=2026-11-01&zone=America/Sao_Paulo';

/** One conversation as the record would hold it: when it began, its messages, the states it came through, and where it stands. */
interface Made {
  began: string;
  messages: readonly (readonly [at: string, role: string, messageClass?: string])[];
  states: readonly string[];
  ended?: string;
  handoff?: true;
}

async function make(
  creatorId: Awaited<ReturnType<typeof newMember>>['creatorId'],
  programId: ProgramId,
  made: Made,
): Promise<ConversationId> {
  const { conversationId: id } = await openTestConversation(database, creatorId);
  const last = made.messages.at(-1)?.[0] ?? made.began;
  await database.tenant(creatorId, async (sql) => {
    await sql(
      `update conversations set program_id = $3, program_version = 1, state = $4, status = $5, outcome = $6, created_at = $7, updated_at = $8
       where creator_id = $1 and id = $2`,
      [creatorId, id, programId, made.states.at(-1) ?? null, made.ended ? 'ended' : 'active', made.ended ?? null, made.began, last],
    );
    await sql(
      'update contacts set created_at = $3 where creator_id = $1 and id = (select contact_id from conversations where creator_id = $1 and id = $2)',
      [creatorId, id, made.began],
    );
    for (const [index, [at, role, messageClass = 'reply']] of made.messages.entries()) {
      await sql(
        `insert into messages (creator_id, conversation_id, seq, id, role, class, body, created_at) values ($1, $2, $3, $4, $5, $6, '{}', $7)`,
        [creatorId, id, index + 1, ids.uuid(), role, messageClass, at],
      );
    }
    for (const [turn, state] of made.states.entries()) {
      await sql(
        `insert into inputs (creator_id, conversation_id, input_id, turn, kind, payload, result, trace, created_at)
         values ($1, $2, $3, $4, 'message', '{}', '{}', $5, $6)`,
        [creatorId, id, `i${turn}`, turn + 1, JSON.stringify({ to: state, ...(made.handoff ? { handoff: {} } : {}) }), made.began],
      );
    }
  });
  return id;
}

const [ana, ben] = [await newMember(), await newMember()];
let programId: ProgramId;
beforeAll(async () => {
  programId = await publish(database, ana.creatorId, makeDefinition({ meta: { ...sleepReset.meta, zone: 'Europe/Lisbon' } }));
  // 02:00 UTC is still the day before in São Paulo.
  const first = await make(ana.creatorId, programId, {
    began: '2026-10-20T02:00:00Z',
    messages: [
      ['2026-10-20T02:00:00Z', 'contact', 'inbound'],
      ['2026-10-20T02:00:01Z', 'coach'],
      ['2026-10-21T12:00:00Z', 'coach', 'nudge'],
      ['2026-10-28T12:00:00Z', 'contact', 'inbound'],
      ['2026-10-28T12:01:00Z', 'person'],
    ],
    states: ['asking', 'week'],
    handoff: true,
  });
  await make(ana.creatorId, programId, {
    began: '2026-10-27T12:00:00Z',
    messages: [['2026-10-27T12:00:00Z', 'contact', 'inbound']],
    states: ['asking', 'week', 'done'],
    ended: 'slept',
  });
  // Before the period, and never heard again.
  await make(ana.creatorId, programId, {
    began: '2026-09-01T12:00:00Z',
    messages: [['2026-09-01T12:00:00Z', 'contact', 'inbound']],
    states: ['asking'],
  });
  const asked = async (question: string, grounded: boolean, conversationId: ConversationId | null, at = '2026-10-22T12:00:00Z') =>
    database.tenant(ana.creatorId, (sql) =>
      insertAnswer(sql, ana.creatorId, {
        ...{ id: ids.uuid(), conversation_id: conversationId, question, answer: '', grounded, degraded: false, faults: [], cached: false },
        ...{ model: 'm', prompt_version: '0', passages: [], duration_ms: 1, created_at: new Date(at) },
      }),
    );
  await asked('How long?', true, first);
  await asked('May I nap?', false, first);
  await asked('may i nap? ', false, first);
  await asked('=HYPERLINK("x")', false, first, '2026-10-22T11:00:00Z');
  await asked('Asked by an evaluation', false, null);
  await asked('Before', false, first, '2026-09-01T12:00:00Z');
});

describe('of a small history', () => {
  test('the overview counts what fell in the period', async () => {
    expect(await read(await ana.call('GET', `${root}/overview?${days}`))).toEqual({
      ...{ from: '2026-10-19', to: '2026-11-01', zone: 'America/Sao_Paulo' },
      ...{ contacts: 3, new_contacts: 2, active_contacts: 2, conversations_started: 2, conversations_ended: 1 },
      ...{ messages_in: 3, messages_out: 3, persons_called: 2, answers: 4, unanswered: 3 },
    });
  });

  test('messages stand on the day they fell on in the zone, days without any with nothing', async () => {
    const { days: found } = await read(await ana.call('GET', `${root}/messages?${days}`));
    expect(found).toHaveLength(14);
    expect(found[0]).toEqual({ day: '2026-10-19', contact: 1, coach: 1, person: 0, proactive: 0 });
    expect(found[1]).toEqual({ day: '2026-10-20', contact: 0, coach: 0, person: 0, proactive: 0 });
    expect(found[2]).toEqual({ day: '2026-10-21', contact: 0, coach: 1, person: 0, proactive: 1 });
    expect(found[9]).toEqual({ day: '2026-10-28', contact: 1, coach: 0, person: 1, proactive: 0 });
    const inLisbon = await read(await ana.call('GET', `${root}/messages?from=2026-10-19&to=2026-10-20`));
    expect(inLisbon).toMatchObject({ zone: 'Europe/Lisbon', days: [{ contact: 0 }, { contact: 1 }] });
  });

  test('the funnel tells who reached which state and who stands there', async () => {
    expect(await read(await ana.call('GET', `${root}/programs/${programId}/funnel?${days}`))).toMatchObject({
      started: 2,
      outcomes: [{ outcome: 'slept', conversations: 1 }],
      states: [
        { state: 'asking', reached: 2, here: 0 },
        { state: 'week', reached: 2, here: 1 },
        { state: 'done', reached: 1, here: 0 },
      ],
    });
  });

  test('retention counts who wrote in which week of their own', async () => {
    expect((await read(await ana.call('GET', `${root}/programs/${programId}/retention?${days}`))).cohorts).toEqual([
      { week: '2026-10-19', contacts: 1, wrote: [1, 1] },
      { week: '2026-10-26', contacts: 1, wrote: [1] },
    ]);
  });

  test('unanswered questions are those of contacts, the same one once', async () => {
    const answer = await read(await ana.call('GET', `${root}/answers?${days}`));
    expect(answer).toMatchObject({ answers: 4, unanswered: 3 });
    expect(answer.questions).toEqual([
      { question: expect.stringMatching(/^may i nap\?/i), times: 2, last_at: '2026-10-22T12:00:00.000Z' },
      { question: '=HYPERLINK("x")', times: 1, last_at: '2026-10-22T11:00:00.000Z' },
    ]);
  });

  test('each is a table too, in which nothing is computed', async () => {
    const table = async (path: string) => {
      const response = await ana.call('GET', `${root}/${path}?${days}&format=csv`);
      expect(response.headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
      return (await response.text()).trim().split('\r\n');
    };
    expect((await table('overview'))[0]).toContain('from,to,zone,contacts,');
    expect(await table('messages')).toHaveLength(15);
    expect(await table(`programs/${programId}/funnel`)).toContain('week,2,1');
    expect(await table(`programs/${programId}/retention`)).toContain('2026-10-19,1,1,1');
    expect(await table('answers')).toContain(`"'=HYPERLINK(""x"")",1,2026-10-22T11:00:00.000Z`);
  });

  test('another creator sees nothing of it', async () => {
    expect(await read(await ben.call('GET', `${root}/overview?${days}`))).toMatchObject({ contacts: 0, messages_in: 0, answers: 0 });
    for (const path of ['funnel', 'retention'])
      expect((await ben.call('GET', `${root}/programs/${programId}/${path}?${days}`)).status).toBe(404);
    expect((await read(await ben.call('GET', `${root}/answers?${days}`))).questions).toEqual([]);
  });

  test('the last 30 days are meant unless told', async () => {
    expect(await read(await ana.call('GET', `${root}/messages`))).toMatchObject({
      from: '2026-10-02',
      to: '2026-10-31',
      zone: 'Europe/Lisbon',
    });
  });
});

test.each([
  'from=2026-02-30',
  'from=yesterday',
  'from=2026-10-20&to=2026-10-19',
  'from=2020-01-01&to=2026-01-01',
  'from=0001-01-01&to=9999-12-31',
  'zone=Mars/Base',
  'format=xml',
  'colour=red',
])('%s is refused', async (query) => {
  for (const path of ['overview', 'messages', 'answers', `programs/${programId}/retention`])
    expect([path, (await ana.call('GET', `${root}/${path}?${query}`)).status]).toEqual([path, 400]);
});
