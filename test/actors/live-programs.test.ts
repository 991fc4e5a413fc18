/** The programs of a creator as conversations find them: through failures of the record, and beside one that cannot be read. */
import { expect, it, vi } from 'vitest';
import { createPrograms } from '../../src/actors/live-programs.ts';
import { createMemoryFanOut } from '../../src/shared/memory.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { evening, publish } from '../support/runtime.ts';
import { silentLog } from '../support/silent-log.ts';

const db = await testDatabase();
const fanOut = createMemoryFanOut(() => undefined);
const clock = manualClock(evening);

it('leave out one that this release cannot read, and give the others', async () => {
  const creatorId = await testCreator(db);
  const readable = await publish(db, creatorId);
  await publish(db, creatorId, {
    meta: { id: 'newer', specVersion: 9 },
    machine: { id: 'newer', initial: 'a', states: { a: { entry: [{ type: 'levitate' }] } } },
  });
  const live = await createPrograms({ db, fanOut, clock, log: silentLog }).live(creatorId);
  expect(live.map(({ id }) => id)).toEqual([readable]);
});

it('hear of changes once, however often they could not be read', async () => {
  const creatorId = await testCreator(db);
  await publish(db, creatorId);
  let isDown = true;
  const subscribe = vi.fn(fanOut.subscribe);
  const failing = {
    ...db,
    tenant: (...of: Parameters<typeof db.tenant>) => (isDown ? Promise.reject(new Error('down')) : db.tenant(...of)),
  };
  const programs = createPrograms({ db: failing as typeof db, fanOut: { ...fanOut, subscribe }, clock, log: silentLog });
  for (let n = 0; n < 5; n += 1) await expect(programs.live(creatorId)).rejects.toThrow('down');
  isDown = false;
  expect(await programs.live(creatorId)).toHaveLength(1);
  expect(subscribe).toHaveBeenCalledTimes(1);
});
