import { describe, expect, it } from 'vitest';
import { createCalculations } from '../../src/actors/calculations.ts';
import { readRecordings } from '../../src/actors/recordings.ts';
import { type Recording, replay } from '../../src/actors/replay.ts';
import { systemIds } from '../../src/ids.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { makeDefinition, sleepReset } from '../support/example.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';

const hour = 3_600_000;
const recording = (texts: readonly string[], id = 'c1'): Recording => ({
  conversationId: id,
  version: 1,
  persona: {},
  inputs: texts.map((text, index) => ({ at: evening + index * hour, kind: 'message', text })),
  until: evening + 72 * hour,
});
const versions = new Map([[1, compile(sleepReset)]]);
const through = (draft: Definition, recordings: readonly Recording[]) => replay(versions, compile(draft), recordings, () => undefined);
const kinder: Definition = makeDefinition({
  content: { ...sleepReset.content, miss: { en: { text: 'No hurry. Shall we go on?', template: { name: 'come_back', language: 'en' } } } },
});

describe('a replay', () => {
  it('finds no difference between a version and itself', () => {
    expect(through(sleepReset, [recording(['sleep', '7:00'])])).toEqual({
      conversations: 1,
      different: 0,
      differences: [],
      failures: 0,
      stopped: 0,
    });
  });

  it('tells who would get another message, which one and when', () => {
    const report = through(kinder, [recording(['sleep', '7:00'], 'silent'), recording(['sleep'], 'short')]);
    expect(report).toMatchObject({ conversations: 2, different: 1 });
    expect(report.differences).toEqual([
      {
        conversation_id: 'silent',
        version: 1,
        at: '2026-10-22T05:30:00.000Z',
        state: 'missed',
        before: 'I missed you yesterday. Shall we go on?',
        after: 'No hurry. Shall we go on?',
      },
    ]);
  });

  it('tells a message that would come at another time, or not at all', () => {
    const later = makeDefinition({ delays: { ...sleepReset.delays, nextMorning: { until: { time: 'contact.wakeTime', plus: 'PT2H' } } } });
    expect(through(later, [recording(['sleep', '7:00'])]).differences).toMatchObject([
      { before: 'Good morning. How was your night?', after: null },
    ]);
  });

  it('plays buttons, events and what members did', () => {
    const acts: Recording = {
      ...recording(['sleep', '7:00']),
      inputs: [
        ...recording(['sleep', '7:00']).inputs,
        { at: evening + 12 * hour, kind: 'button', button: 'good' },
        { at: evening + 13 * hour, kind: 'control', act: 'takeover' },
        { at: evening + 14 * hour, kind: 'event', name: 'paid', data: {} },
        { at: evening + 15 * hour, kind: 'start' },
      ],
    };
    expect(through(sleepReset, [acts])).toMatchObject({ different: 0, failures: 0 });
    const { praise: _gone, ...content } = sleepReset.content;
    expect(through(makeDefinition({ content: { ...content, praise: { en: { text: 'Bravo.' } } } }), [acts]).differences).toMatchObject([
      { after: 'Bravo.' },
    ]);
  });
});

describe('a replay of what is on record', () => {
  const clock = manualClock(evening);

  it('reads real conversations, sends nothing, and gives the same in its thread', async () => {
    const db = await testDatabase();
    const creatorId = await testCreator(db);
    const programId = await publish(db, creatorId);
    const runtime = makeRuntime(db, { clock });
    const key = await openTestConversation(db, creatorId);
    for (const text of ['sleep', '7:00']) {
      await runtime.mailboxes.deliver(key, { id: `msg:${text}`, kind: 'message', messageId: systemIds.uuid(), text });
    }
    await runtime.stop();
    const recordings = await readRecordings(db, creatorId, programId, 500, evening + 72 * hour);
    expect(recordings.map(({ inputs }) => inputs)).toEqual([
      [
        { kind: 'message', at: evening, text: 'sleep' },
        { kind: 'message', at: evening, text: '7:00' },
      ],
    ]);
    const task = { kind: 'replay', definition: kinder, others: [], versions: [[1, sleepReset]], recordings } as const;
    const report = await createCalculations(clock).run(task);
    expect(report).toMatchObject({
      conversations: 1,
      different: 1,
      differences: [{ conversation_id: key.conversationId, after: 'No hurry. Shall we go on?' }],
    });
    expect(await readRecordings(db, await testCreator(db), programId, 500, evening)).toEqual([]);
    const [row] = await db.tenant(creatorId, (sql) =>
      sql<{ count: number }>('select count(*)::integer as count from messages where creator_id = $1', [creatorId]),
    );
    expect(row?.count).toBe(4);
  });
});
