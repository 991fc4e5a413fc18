/** The turnstile: one creator's flood waits by itself, and everybody passes in the order they came. */
import { expect, it } from 'vitest';
import { createMailboxes } from '../../src/actors/mailboxes.ts';
import type { Turns } from '../../src/actors/turn.ts';
import { createTurnstile } from '../../src/actors/turnstile.ts';
import type { ConversationId, CreatorId } from '../../src/ids.ts';

/** Mailboxes over turns that end when they are told to. */
function held(most: number) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const turns: Turns = {
    settle: (key, batch) =>
      new Promise((resolve) => {
        begun.push(`${key.creatorId} ${key.conversationId}`);
        ends.push(() => {
          for (const one of batch) one.resolve({ seq: 1 });
          resolve();
        });
      }),
    hearSessions: () => undefined,
  };
  const mailboxes = createMailboxes(turns, undefined, createTurnstile(most), createTurnstile(most));
  const deliver = (creator: string, conversation: string) =>
    mailboxes.deliver(
      { creatorId: creator as CreatorId, conversationId: conversation as ConversationId },
      { id: `msg:${conversation}`, kind: 'message', messageId: crypto.randomUUID(), text: 'hi' },
    );
  const fire = (creator: string, conversation: string) =>
    mailboxes.deliver(
      { creatorId: creator as CreatorId, conversationId: conversation as ConversationId },
      { id: `timer:${conversation}`, kind: 'timer', timerId: 't', generation: 1, dueAt: 0 },
    );
  return { begun, ends, deliver, fire };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('lets so many turns of a creator begin and others at once, and the rest in the order they came', async () => {
  const { begun, ends, deliver } = held(2);
  const flood = ['1', '2', '3', '4'].map((name) => deliver('loud', name));
  const neighbour = deliver('quiet', '1');
  await settled();
  expect(begun).toEqual(['loud 1', 'loud 2', 'quiet 1']);
  ends[2]?.();
  await neighbour;
  expect(begun).toHaveLength(3);
  ends[0]?.();
  await flood[0];
  await settled();
  expect(begun.slice(3)).toEqual(['loud 3']);
  for (const index of [1, 3]) ends[index]?.();
  await settled();
  expect(begun.slice(4)).toEqual(['loud 4']);
  ends[4]?.();
  await Promise.all(flood);
});

it('lets inputs of a conversation that waits gather into one turn', async () => {
  const { begun, ends, deliver } = held(1);
  const all = [deliver('loud', '1'), deliver('loud', '2'), deliver('loud', '2'), deliver('loud', '2')];
  await settled();
  ends[0]?.();
  await settled();
  ends[1]?.();
  await Promise.all(all);
  expect(begun).toEqual(['loud 1', 'loud 2']);
});

it('keeps what people say from waiting behind the timers of their creator, and the other way round', async () => {
  const { begun, ends, deliver, fire } = held(1);
  const all = [fire('coach', 't1'), fire('coach', 't2'), deliver('coach', 'm1'), deliver('coach', 'm2')];
  await settled();
  expect(begun).toEqual(['coach t1', 'coach m1']);
  ends[0]?.();
  await settled();
  expect(begun.slice(2)).toEqual(['coach t2']);
  for (const index of [1, 2]) ends[index]?.();
  await settled();
  ends[3]?.();
  await Promise.all(all);
  expect(begun.slice(3)).toEqual(['coach m2']);
});
