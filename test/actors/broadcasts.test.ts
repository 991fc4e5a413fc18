/** The pump of broadcasts: who is reached once, and when it is given up. */
import { describe, expect, it } from 'vitest';
import { createBroadcastPump } from '../../src/actors/broadcasts.ts';
import type { Input, Mailboxes } from '../../src/actors/input.ts';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import type { ContactId } from '../../src/ids.ts';
import { addBroadcast, readBroadcast } from '../../src/store/broadcasts.ts';
import { getConversation } from '../../src/store/conversations.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { quietLog } from '../support/quiet-log.ts';
import { evening, openTestConversation } from '../support/runtime.ts';
import { soon } from '../support/soon.ts';

const db = await testDatabase();

/** One broadcast to one contact, whose mailbox refuses it so many times. */
async function reach(code: ErrorCode, times: number) {
  const creatorId = await testCreator(db);
  const { conversationId } = await openTestConversation(db, creatorId);
  const { contactId } = await getConversation(db, { creatorId, conversationId });
  const clock = manualClock(evening);
  const tries: Input[] = [];
  const mailboxes: Mailboxes = {
    async deliver(_key, input) {
      tries.push(input);
      if (tries.length <= times) throw new AppError(code, 'No');
      return { seq: 1 };
    },
  };
  const id = crypto.randomUUID();
  const recipient = { contactId: contactId as ContactId, conversationId, dueAt: new Date(evening) };
  await addBroadcast(db, creatorId, { id, filter: 'true', message: { event: 'x', data: {} }, at: 'now' }, [recipient], evening);
  const pump = createBroadcastPump({ db, clock, log: quietLog, mailboxes });
  pump.start();
  const counts = await soon(async () => {
    clock.advance(5_000);
    const { counts: now } = await readBroadcast(db, creatorId, id);
    expect(now.planned ?? 0).toBe(0);
    return now;
  });
  await pump.stop();
  return { counts, tries };
}

describe('somebody whose mailbox', () => {
  it.each<[ErrorCode]>([['OVERLOADED'], ['UNAVAILABLE']])('is %s for minutes is reached at last, by one input', async (code) => {
    const { counts, tries } = await reach(code, 8);
    expect(counts).toMatchObject({ taken: 1 });
    expect(new Set(tries.map(({ id }) => id)).size).toBe(1);
  });

  it('does not take it is given up after five tries', async () => {
    const { counts, tries } = await reach('CONFLICT', 9);
    expect([counts, tries.length]).toEqual([expect.objectContaining({ failed: 1 }), 5]);
  });
});
