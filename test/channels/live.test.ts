/** One socket of a member over a connection without a network: who hears, who is closed and when. */
import { expect, test } from 'vitest';
import { createLiveSocket } from '../../src/channels/live.ts';
import { type CreatorId, type MemberId, systemIds } from '../../src/ids.ts';
import { inboxTopic } from '../../src/shared/fan-out.ts';
import { createMemoryFanOut } from '../../src/shared/memory.ts';
import { manualClock } from '../support/clock.ts';
import { quietLog } from '../support/quiet-log.ts';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(stands = true) {
  const [creatorId, memberId, sid] = [systemIds.uuid<CreatorId>(), systemIds.uuid<MemberId>(), systemIds.uuid()];
  const clock = manualClock(Date.UTC(2026, 10, 21));
  const fanOut = createMemoryFanOut(() => undefined);
  const frames: Record<string, unknown>[] = [];
  const wire = { code: null as number | null, buffered: 0 };
  const socket = createLiveSocket(
    { fanOut, stands: async () => stands, clock, ids: systemIds, log: quietLog },
    { creatorId, memberId, sid },
    {
      send: (text) => frames.push(JSON.parse(text)),
      close: (code) => {
        wire.code ??= code;
      },
      bufferedAmount: () => wire.buffered,
    },
  );
  const tell = (n: number, of = creatorId) => fanOut.publish(inboxTopic(of), { type: 'conversation', seq: n });
  const say = async (frame: unknown) => {
    socket.onText(typeof frame === 'string' ? frame : JSON.stringify(frame));
    await settle();
  };
  return { socket, clock, frames, wire, tell, say };
}

test('nothing is told before hello, and then only what is of the creator', async () => {
  const { frames, tell, say } = setUp();
  tell(1);
  await settle();
  expect(frames).toEqual([]);
  await say({ type: 'hello' });
  tell(2);
  tell(3, systemIds.uuid<CreatorId>());
  await settle();
  await say({ type: 'ping' });
  expect(frames).toEqual([{ type: 'welcome' }, { type: 'conversation', seq: 2 }, { type: 'pong' }]);
});

test('a sign-in that has ended meanwhile is closed at hello, one that ends later at once', async () => {
  const ended = setUp(false);
  await ended.say({ type: 'hello' });
  ended.tell(1);
  await settle();
  expect([ended.wire.code, ended.frames]).toEqual([4401, []]);
  const ends = setUp();
  await ends.say({ type: 'hello' });
  ends.socket.endSession();
  ends.tell(1);
  await settle();
  expect([ends.wire.code, ends.frames]).toEqual([4401, [{ type: 'welcome' }]]);
});

test('who does not read is told no more, then that something is missing, and is closed when it lasts', async () => {
  const { clock, frames, wire, tell, say } = setUp();
  await say({ type: 'hello' });
  wire.buffered = 2 * 1024 * 1024;
  tell(1);
  await settle();
  wire.buffered = 0;
  clock.advance(1_000);
  await settle();
  expect(frames).toEqual([{ type: 'welcome' }, { type: 'missed' }]);
  wire.buffered = 2 * 1024 * 1024;
  tell(2);
  await settle();
  clock.advance(11_000);
  expect([wire.code, frames.length]).toEqual([1013, 2]);
});

test.each([
  ['no hello in time', async ({ clock }: ReturnType<typeof setUp>) => clock.advance(6_000), 1008],
  ['something else than hello', async ({ say }: ReturnType<typeof setUp>) => say({ type: 'ping' }), 1008],
  ['no JSON', async ({ say }: ReturnType<typeof setUp>) => say('{'), 1008],
  ['a frame that is too large', async ({ say }: ReturnType<typeof setUp>) => say('x'.repeat(2_000)), 1009],
  ['bytes', async ({ socket }: ReturnType<typeof setUp>) => socket.onBinary(), 1003],
])('%s closes it', async (_what, act, code) => {
  const made = setUp();
  await act(made);
  expect(made.wire.code).toBe(code);
});
