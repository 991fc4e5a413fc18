import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createMessageFeed } from '../../src/channels/message-feed.ts';
import type { Message } from '../../src/message.ts';

function message(seq: number): Message {
  return { seq, id: `id-${seq}`, role: 'coach', class: 'reply', at: '2026-11-21T08:00:00.000Z', body: { text: `${seq}` } };
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(record: Message[]) {
  const sent: number[] = [];
  const gate = { busy: null as Promise<void> | null };
  const read = vi.fn(async (after: number, most: number) => record.filter(({ seq }) => seq > after).slice(0, most));
  const fail = vi.fn();
  const feed = createMessageFeed({ read, send: ({ seq }) => sent.push(seq), busy: () => gate.busy, fail });
  return { feed, sent, read, fail, gate };
}

describe('createMessageFeed', () => {
  it('sends news that is next in line at once, without reading the record', () => {
    const { feed, sent, read } = setUp([]);
    feed.start(0, 0);
    feed.hear(message(1));
    feed.hear(message(2));
    expect(sent).toEqual([1, 2]);
    expect(read).not.toHaveBeenCalled();
  });

  it('fills a gap from the record and sends nothing twice', async () => {
    const record = [message(1), message(2), message(3)];
    const { feed, sent } = setUp(record);
    feed.start(0, 0);
    feed.hear(message(3));
    await settle();
    feed.hear(message(2));
    feed.hear(message(3));
    await settle();
    expect(sent).toEqual([1, 2, 3]);
  });

  it('gives what came too early as soon as what is before it has come', async () => {
    const { feed, sent } = setUp([]);
    feed.start(0, 0);
    feed.hear(message(2));
    await settle();
    feed.hear(message(1));
    await settle();
    expect(sent).toEqual([1, 2]);
  });

  it('looks again when told that news was lost, and goes on with the next', async () => {
    const record = [message(1)];
    const { feed, sent, read } = setUp(record);
    feed.start(0, 1);
    await settle();
    record.push(message(2));
    feed.lookAgain();
    await settle();
    feed.lookAgain();
    await settle();
    expect(read).toHaveBeenCalledTimes(3);
    feed.hear(message(3));
    expect(sent).toEqual([1, 2, 3]);
    expect(read).toHaveBeenCalledTimes(3);
  });

  it('keeps news that comes before the start', async () => {
    const { feed, sent } = setUp([message(1), message(2)]);
    feed.hear(message(3));
    expect(sent).toEqual([]);
    feed.start(1, 2);
    await settle();
    expect(sent).toEqual([2, 3]);
  });

  it('reads a long record page by page', async () => {
    const record = Array.from({ length: 950 }, (_, at) => message(at + 1));
    const { feed, sent } = setUp(record);
    feed.start(0, 950);
    await settle();
    expect(sent).toEqual(record.map(({ seq }) => seq));
  });

  it('starts at the end of the record for a client that claims to know more than there is', () => {
    const { feed, sent } = setUp([message(1)]);
    feed.start(50, 1);
    feed.hear(message(2));
    expect(sent).toEqual([2]);
  });

  it('waits for a client that does not read, then reads what it could not keep', async () => {
    const record: Message[] = [];
    const { feed, sent, gate } = setUp(record);
    feed.start(0, 0);
    const { promise, resolve } = Promise.withResolvers<void>();
    gate.busy = promise;
    for (let seq = 1; seq <= 1000; seq++) {
      record.push(message(seq));
      feed.hear(message(seq));
    }
    await settle();
    expect(sent).toEqual([]);
    gate.busy = null;
    resolve();
    await settle();
    expect(sent).toEqual(record.map(({ seq }) => seq));
  });

  it('reports a failed read once and sends nothing more', async () => {
    const { feed, sent, read, fail } = setUp([]);
    read.mockRejectedValue(new Error('record gone'));
    feed.start(0, 3);
    await settle();
    feed.hear(message(1));
    await settle();
    expect(fail).toHaveBeenCalledOnce();
    expect(sent).toEqual([]);
  });

  it('sends nothing after its end', async () => {
    const { feed, sent } = setUp([message(1)]);
    feed.start(0, 1);
    feed.end();
    feed.hear(message(2));
    await settle();
    expect(sent).toEqual([]);
  });

  it('gives each seq once and in order, however record and news interleave, drop and repeat', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), fc.nat(10), fc.nat(12), async (events, before, known) => {
        const record = Array.from({ length: before }, (_, at) => message(at + 1));
        const { feed, sent, fail } = setUp(record);
        const after = Math.min(known, before);
        const world: World = { record, hear: feed.hear, start: () => feed.start(after, record.length) };
        for (const step of events) await play[step.do](world, step.n);
        await play.start(world, 0);
        await play.commit(world, 0);
        await settle();
        expect(fail).not.toHaveBeenCalled();
        expect(sent).toEqual(record.map(({ seq }) => seq).filter((seq) => seq > after));
      }),
      { numRuns: 300 },
    );
  });
});

interface World {
  record: Message[];
  hear(message: Message): void;
  start(): void;
}

function commit({ record }: World): Message {
  const written = message(record.length + 1);
  record.push(written);
  return written;
}

type Play = (world: World, n: number) => Promise<void>;

const play: Record<'commit' | 'lose' | 'repeat' | 'start' | 'pass', Play> = {
  commit: async (world: World) => world.hear(commit(world)),
  lose: async (world: World) => void commit(world),
  repeat: async ({ record, hear }: World, n: number) => {
    const repeated = record.at(-1 - n);
    if (repeated !== undefined) hear(repeated);
  },
  start: async ({ start }: World) => start(),
  pass: async (_world: World, n: number) => {
    for (let turn = 0; turn < n; turn++) await Promise.resolve();
  },
};

const event = fc.record({
  do: fc.constantFrom<keyof typeof play>('commit', 'commit', 'commit', 'lose', 'lose', 'repeat', 'start', 'pass', 'pass'),
  n: fc.nat(5),
});
