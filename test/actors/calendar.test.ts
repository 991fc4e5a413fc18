/** Calendar delays of a run: moved with what they count from, never onto a moment that has passed, and by the clock again after a person had control. */
import { describe, expect, it } from 'vitest';
import type { Conversation } from '../../src/actors/conversation.ts';
import type { Input } from '../../src/actors/input.ts';
import { receive } from '../../src/actors/receive.ts';
import { createSimulation } from '../../src/actors/simulate.ts';
import { waitingTimers } from '../../src/actors/waiting-timers.ts';
import { check } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Program } from '../../src/programs/program.ts';
import type { Contact } from '../../src/programs/scope.ts';

const evening = Date.UTC(2026, 9, 20, 20);
const at = (iso: string) => Date.parse(`${iso}:00Z`);

/** Waits by one delay, then says a word. */
function waiting(delay: object): Program {
  const { definition, findings } = check({
    meta: { id: 'calendar', specVersion: 1, title: 'Calendar', languages: ['en'], zone: 'Europe/Lisbon' },
    fields: { wakeTime: { type: 'time' }, visit: { type: 'date' } },
    entry: [{ id: 'first', on: 'first-message' }],
    content: { word: { en: { text: 'Good morning' } } },
    delays: { wait: delay },
    machine: {
      id: 'calendar',
      initial: 'start',
      states: {
        start: { after: { wait: 'told' } },
        told: { entry: [{ type: 'say', params: { content: 'word' } }], on: { MESSAGE: 'told' }, meta: { timeout: 'none' } },
      },
    },
  });
  if (!definition) throw new Error(JSON.stringify(findings));
  return compile(definition);
}

/** Somebody who began in the evening, and what becomes of them. */
function begun(program: Program, fields: Contact['fields'] = {}) {
  const simulation = createSimulation(program, { fields }, evening);
  simulation.say('hi');
  let conversation: Conversation = simulation.conversation();
  const rows = new Map(Object.entries(conversation.snapshot.timers).map(([id, { dueAt }]) => [id, dueAt]));
  const said: string[] = [];

  function take(now: number, input: Input): void {
    const stepping = receive(conversation, input, { now, generation: conversation.version + 1, current: program, live: [] });
    conversation = { ...stepping.next, version: conversation.version + 1 };
    for (const id of stepping.timersCleared) rows.delete(id);
    for (const { id, dueAt } of stepping.timersSet) rows.set(id, dueAt);
    said.push(...stepping.messages.map(({ body }) => body.text));
  }

  return {
    said,
    due: () => [...rows.values()].map((dueAt) => new Date(dueAt).toISOString().slice(0, 16)),
    waiting: () => waitingTimers(conversation.snapshot),
    /** A member changes the contact. */
    change(now: number, patch: Partial<Contact>) {
      conversation = { ...conversation, contact: { ...conversation.contact, ...patch } };
      take(now, { id: `contact:${conversation.version}`, kind: 'event', name: 'contact-changed', data: {} });
    },
    control: (now: number, act: 'takeover' | 'release') => take(now, { id: `c:${act}`, kind: 'control', act }),
    /** The timer falls due. */
    fire(now: number) {
      for (const [timerId, { generation, dueAt }] of Object.entries(conversation.snapshot.timers)) {
        take(now, { id: `timer:${timerId}`, kind: 'timer', timerId, generation, dueAt });
      }
    },
  };
}

describe('a moment of every day', () => {
  const morning = at('2026-10-21T07:00');

  it.each([
    ['the zone moves on past it', { zone: 'Asia/Tokyo' }, '2026-10-22T00:00'],
    ['the zone moves back', { zone: 'America/New_York' }, '2026-10-21T13:00'],
    ['its time is put off to the evening', { fields: { wakeTime: '22:00' } }, '2026-10-21T21:00'],
    ['its time is put forward past it', { fields: { wakeTime: '07:30' } }, '2026-10-22T06:30'],
    ['its time is put forward a little', { fields: { wakeTime: '08:30' } }, '2026-10-21T07:30'],
  ])('is the next one when %s', (_name, patch, due) => {
    const one = begun(waiting({ until: { time: 'contact.wakeTime' } }), { wakeTime: '09:00' });
    expect(one.due()).toEqual(['2026-10-21T08:00']);
    one.change(morning, patch as Partial<Contact>);
    expect(one.due()).toEqual([due]);
  });

  it('that is spread keeps its place between its time and its own moment', () => {
    const one = begun(waiting({ until: { time: '09:00' }, jitter: 'PT3H' }));
    const [due = ''] = one.due();
    one.change(at(due) - 60_000, { name: 'Ana' });
    expect(one.due()).toEqual([due]);
  });

  it('that was found late and takes its place in the spread is not put off', () => {
    const one = begun(waiting({ until: { time: '09:00' }, jitter: 'PT3H' }));
    one.fire(at('2026-10-21T16:00'));
    const [due = ''] = one.due();
    expect(at(due)).toSatisfy((ms: number) => ms >= at('2026-10-21T16:00') && ms < at('2026-10-21T19:00'));
    one.change(at('2026-10-21T16:00'), { zone: 'America/New_York' });
    expect(one.due()).toEqual([due]);
    one.fire(at('2026-10-21T19:00'));
    expect(one.said).toEqual(['Good morning']);
  });

  it('that has come and waits for its turn is not put off', () => {
    const one = begun(waiting({ until: { time: '09:00' } }));
    one.change(at('2026-10-21T08:01'), { zone: 'America/New_York' });
    expect(one.due()).toEqual(['2026-10-21T08:00']);
    one.fire(at('2026-10-21T08:01'));
    expect(one.said).toEqual(['Good morning']);
  });
});

it('counts from a date that has passed at once', () => {
  const one = begun(waiting({ field: 'visit', time: '09:00' }), { visit: '2026-12-01' });
  one.change(at('2026-10-25T12:00'), { fields: { visit: '2026-10-24' } });
  expect(one.due()).toEqual(['2026-10-24T08:00']);
});

describe('while a person has control', () => {
  it('what came due meanwhile waits as it is, whatever changes', () => {
    const one = begun(waiting({ until: { time: '09:00' } }));
    one.control(at('2026-10-21T07:00'), 'takeover');
    one.fire(at('2026-10-21T08:00'));
    one.change(at('2026-10-21T08:30'), { zone: 'America/New_York' });
    expect(one.due()).toEqual([]);
    expect(one.waiting()).toMatchObject([{ dueAt: at('2026-10-21T08:00') }]);
    one.control(at('2026-10-21T09:00'), 'release');
    expect(one.said).toEqual(['Good morning']);
  });

  it.each([
    ['a moment of every day', { until: { time: '09:00' } }, '2026-10-21T10:00', '2026-10-22T08:00'],
    ['one that has not come yet', { until: { time: '09:00' } }, '2026-10-21T07:30', '2026-10-21T08:00'],
    ['a date', { field: 'visit', time: '09:00' }, '2026-10-21T10:00', '2026-12-01T09:00'],
  ])('%s that pauses has no row, and goes by the clock again afterwards', (_name, delay, until, due) => {
    const one = begun(waiting({ ...delay, whileHuman: 'pause' }), { visit: '2026-12-01' });
    one.control(at('2026-10-21T07:00'), 'takeover');
    one.change(at('2026-10-21T07:10'), { zone: 'America/New_York' });
    one.change(at('2026-10-21T07:20'), { zone: null });
    expect(one.due()).toEqual([]);
    expect(one.waiting()).toHaveLength(1);
    one.control(at(until), 'release');
    expect(one.due()).toEqual([due]);
    expect(one.waiting()).toEqual([]);
  });
});
