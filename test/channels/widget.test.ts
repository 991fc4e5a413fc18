import { describe, expect, it } from 'vitest';
import { createPresence } from '../../src/channels/presence.ts';
import { createWidgetSocket, type WidgetSocketDeps } from '../../src/channels/widget.ts';
import type { ServerFrame } from '../../src/channels/widget-frames.ts';
import type { WidgetPrincipal } from '../../src/context.ts';
import { AppError } from '../../src/errors.ts';
import { type ConversationId, type CreatorId, type SessionId, systemIds } from '../../src/ids.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { manualClock } from '../support/clock.ts';
import { fakeMailboxes } from '../support/fake-mailboxes.ts';
import { quietLog } from '../support/quiet-log.ts';

const minute = 60_000;
const photo = { id: '3f2b8a1e-6d54-4c3b-9a7f-0123456789ab', kind: 'image' as const, type: 'image/png', name: 'a.png', bytes: 3 };
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp() {
  const principal: WidgetPrincipal = {
    kind: 'widget',
    creatorId: systemIds.uuid<CreatorId>(),
    sessionId: systemIds.uuid<SessionId>(),
    conversationId: systemIds.uuid<ConversationId>(),
  };
  const clock = manualClock(Date.UTC(2026, 10, 21));
  const mailboxes = fakeMailboxes();
  mailboxes.open(principal);
  const frames: ServerFrame[] = [];
  const wire = { code: null as number | null, buffered: 0 };
  const { record, fanOut } = mailboxes;
  const media: WidgetSocketDeps['media'] = {
    async ofConversation(_creatorId, _conversationId, ids) {
      if (ids.some((one) => one !== photo.id)) throw new AppError('INVALID_INPUT', 'Upload the file first');
      return ids.map(() => photo);
    },
    path: (_creatorId, one) => `/signed/${one}`,
  };
  const socket = createWidgetSocket(
    {
      ...{ mailboxes, record, fanOut, media, presence: createPresence(createMemoryCache(clock)) },
      configVersion: async () => 4,
      framesPerSecond: 3,
      clock,
      ids: systemIds,
      log: quietLog,
    },
    principal,
    {
      send: (text) => frames.push(JSON.parse(text)),
      close: (code) => {
        wire.code ??= code;
      },
      bufferedAmount: () => wire.buffered,
    },
  );
  const send = (frame: unknown) => socket.onText(JSON.stringify(frame));
  async function hello(after?: number) {
    send(after === undefined ? { type: 'hello' } : { type: 'hello', after });
    await settle();
  }
  const seqs = () => frames.flatMap((frame) => (frame.type === 'message' ? [frame.seq] : []));
  const errors = () => frames.flatMap((frame) => (frame.type === 'error' ? [frame.error.code] : []));
  return { principal, clock, mailboxes, frames, wire, socket, send, hello, seqs, errors };
}

const message = (text = 'hi', id = crypto.randomUUID() as string) => ({ type: 'message', id, text });

describe('createWidgetSocket', () => {
  it('welcomes, then gives what is on record, then the news', async () => {
    const { principal, mailboxes, frames, hello } = setUp();
    mailboxes.say(principal, { text: 'one' });
    await hello();
    mailboxes.say(principal, { text: 'two', buttons: [{ id: 'yes', title: 'Yes' }] });
    expect(frames).toMatchObject([
      {
        type: 'welcome',
        session_id: principal.sessionId,
        conversation_id: principal.conversationId,
        seq: 1,
        read_seq: 0,
        status: 'open',
        typing: false,
        config_version: 4,
      },
      { type: 'message', seq: 1, role: 'coach', class: 'reply', text: 'one' },
      { type: 'message', seq: 2, text: 'two', buttons: [{ id: 'yes', title: 'Yes' }] },
    ]);
  });

  it('misses nothing that is committed while it joins', async () => {
    const { principal, mailboxes, hello, seqs } = setUp();
    mailboxes.say(principal, { text: 'one' });
    const { promise, resolve } = Promise.withResolvers<void>();
    mailboxes.readGate = promise;
    await hello();
    mailboxes.say(principal, { text: 'two' });
    mailboxes.say(principal, { text: 'three' }, true);
    mailboxes.say(principal, { text: 'four' });
    resolve();
    await settle();
    expect(seqs()).toEqual([1, 2, 3, 4]);
  });

  it('keeps how far the contact has read, tells their other tabs, and never goes back or beyond', async () => {
    const { principal, mailboxes, frames, send, hello } = setUp();
    for (const text of ['one', 'two', 'three']) mailboxes.say(principal, { text });
    await hello();
    for (const seq of [2, 1, 2, 99]) send({ type: 'read', seq });
    await settle();
    expect(frames.filter(({ type }) => type === 'read')).toEqual([
      { type: 'read', seq: 2 },
      { type: 'read', seq: 3 },
    ]);
    expect(await mailboxes.record.head(principal)).toMatchObject({ readSeq: 3 });
  });

  it('acks only when the message is durable, and gives it back in the stream', async () => {
    const { mailboxes, frames, send, hello } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    mailboxes.gate = promise;
    await hello();
    const sent = message();
    send(sent);
    await settle();
    expect(frames.map(({ type }) => type)).toEqual(['welcome']);
    resolve();
    await settle();
    expect(frames.slice(1)).toMatchObject([
      { type: 'message', seq: 1, id: sent.id, role: 'contact', class: 'inbound' },
      { type: 'ack', id: sent.id, seq: 1 },
    ]);
  });

  it('delivers a message with the files it names, and no message with a file that is not there', async () => {
    const { mailboxes, frames, send, hello, errors } = setUp();
    await hello();
    send({ ...message(''), attachments: [photo.id] });
    send({ ...message('x'), attachments: [crypto.randomUUID()] });
    send(message('after'));
    await settle();
    expect(mailboxes.inputs).toMatchObject([{ text: '', attachments: [photo] }, { text: 'after' }]);
    expect(frames).toContainEqual(expect.objectContaining({ seq: 1, attachments: [{ ...photo, url: `/signed/${photo.id}` }] }));
    expect(errors()).toEqual(['INVALID_INPUT']);
  });

  it('gives a repeated id the same ack and no second message', async () => {
    const { frames, send, hello, seqs } = setUp();
    await hello();
    const sent = message();
    send(sent);
    send(sent);
    await settle();
    expect(frames.filter(({ type }) => type === 'ack')).toEqual([
      { type: 'ack', id: sent.id, seq: 1 },
      { type: 'ack', id: sent.id, seq: 1 },
    ]);
    expect(seqs()).toEqual([1]);
  });

  it('delivers in frame order, also what comes before the welcome', async () => {
    const { principal, mailboxes, send, frames } = setUp();
    mailboxes.say(principal, { text: 'one' });
    mailboxes.say(principal, { text: 'two', buttons: [{ id: 'yes', title: 'Yes' }] });
    send({ type: 'hello' });
    for (const text of ['1', '2', '3']) send(message(text));
    send({ type: 'button', id: crypto.randomUUID(), message_seq: 2, button: 'yes' });
    await settle();
    expect(mailboxes.inputs.map((input) => (input.kind === 'message' ? input.text : input.kind))).toEqual(['1', '2', '3', 'button']);
    expect(mailboxes.inputs[3]).toMatchObject({ kind: 'button', messageSeq: 2, button: 'yes' });
    expect(frames[0]?.type).toBe('welcome');
  });

  it('takes a button that was offered, however long ago, and refuses one that was not', async () => {
    const { principal, mailboxes, frames, hello, send, errors } = setUp();
    mailboxes.say(principal, { text: 'old', buttons: [{ id: 'a', title: 'A' }] });
    mailboxes.say(principal, { text: 'words' });
    mailboxes.say(principal, { text: 'new', buttons: [{ id: 'b', title: 'B' }] });
    await hello(2);
    const press = async (messageSeq: number, button: string) => {
      send({ type: 'button', id: crypto.randomUUID(), message_seq: messageSeq, button });
      await settle();
    };
    await press(1, 'a');
    await press(3, 'b');
    expect(mailboxes.inputs).toMatchObject([
      { messageSeq: 1, button: 'a', title: 'A' },
      { messageSeq: 3, button: 'b', title: 'B' },
    ]);
    for (const [seq, button] of [
      [1, 'b'],
      [2, 'a'],
      [3, 'a'],
      [4, 'You owe me money'],
      [99, 'b'],
    ] as const)
      await press(seq, button);
    expect(errors()).toEqual(Array(5).fill('INVALID_INPUT'));
    expect(frames.at(-1)).toMatchObject({ type: 'error', id: expect.any(String) });
    expect(mailboxes.inputs).toHaveLength(2);
  });

  it('passes on typing, deltas and progress, and says in the welcome whether somebody is typing', async () => {
    const { principal, mailboxes, frames, hello } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    mailboxes.readGate = promise;
    await hello();
    mailboxes.publish(principal, { type: 'typing', on: true });
    resolve();
    await settle();
    mailboxes.publish(principal, { type: 'delta', reply: 'r', text: 'He', after: 0 });
    mailboxes.publish(principal, { type: 'progress', points: 3, streak: 1, milestones: [] });
    expect(frames).toMatchObject([
      { type: 'welcome', typing: true },
      { type: 'delta', text: 'He' },
      { type: 'progress', points: 3 },
    ]);
  });

  it('gives nobody a reply from its middle: who came late, or has lost a piece, sees that it is written', async () => {
    const { principal, mailboxes, frames, hello } = setUp();
    await hello();
    const piece = (reply: string, text: string, after: number) => mailboxes.publish(principal, { type: 'delta', reply, text, after });
    piece('late', 'the middle', 20);
    piece('late', ' of it', 30);
    mailboxes.publish(principal, { type: 'delta', reply: 'late', text: '', after: 0, anew: true });
    piece('late', 'Once ', 0);
    piece('late', 'Once ', 0);
    piece('late', 'more', 5);
    piece('late', ' after a gap', 12);
    expect(frames.slice(1)).toEqual([
      { type: 'typing', on: true },
      { type: 'delta', reply: 'late', text: '', anew: true },
      { type: 'delta', reply: 'late', text: 'Once ' },
      { type: 'delta', reply: 'late', text: 'more' },
    ]);
  });

  it('says after the welcome what the contact has earned, and nothing to one who has earned nothing', async () => {
    const { principal, mailboxes, frames, hello } = setUp();
    mailboxes.earn(principal, { points: 30, streak: 2, milestones: ['first-night'] });
    mailboxes.say(principal, { text: 'one' });
    await hello();
    expect(frames.map(({ type }) => type)).toEqual(['welcome', 'progress', 'message']);
    expect(frames[1]).toEqual({ type: 'progress', points: 30, streak: 2, milestones: ['first-night'] });
    const other = setUp();
    await other.hello();
    expect(other.frames.map(({ type }) => type)).toEqual(['welcome']);
  });

  it('answers ping, and takes typing and read in silence', async () => {
    const { frames, send, hello } = setUp();
    await hello();
    send({ type: 'typing' });
    send({ type: 'read', seq: 1 });
    send({ type: 'ping' });
    expect(frames.slice(1)).toEqual([{ type: 'pong' }]);
  });

  it('tells a failed delivery with the id of its message and stays open', async () => {
    const { mailboxes, frames, wire, send, hello } = setUp();
    mailboxes.failures.push(new AppError('OVERLOADED', 'Wait', { details: { retry_after_ms: 900 } }), new Error('secret of the house'));
    await hello();
    const [first, second, third] = [message(), message(), message()];
    for (const sent of [first, second, third]) send(sent);
    await settle();
    expect(frames.filter(({ type }) => type === 'error')).toMatchObject([
      { id: first.id, error: { code: 'OVERLOADED', details: { retry_after_ms: 900 } } },
      { id: second.id, error: { code: 'INTERNAL' } },
    ]);
    expect(JSON.stringify(frames)).not.toContain('secret');
    expect(frames).toContainEqual({ type: 'ack', id: third.id, seq: 1 });
    expect(wire.code).toBeNull();
  });

  it.each([
    ['a message', message()],
    ['a ping', { type: 'ping' }],
    ['no frame at all', { type: 'nonsense' }],
  ])('closes with 1008 when %s comes before hello', (_name, frame) => {
    const { errors, wire, send, mailboxes } = setUp();
    send(frame);
    expect(errors()).toEqual(['INVALID_INPUT']);
    expect(wire.code).toBe(1008);
    expect(mailboxes.inputs).toEqual([]);
  });

  it('closes with 1008 when hello does not come within 5 s', () => {
    const { clock, errors, wire } = setUp();
    clock.advance(4_999);
    expect(wire.code).toBeNull();
    clock.advance(1);
    expect(errors()).toEqual(['INVALID_INPUT']);
    expect(wire.code).toBe(1008);
  });

  it('ends a session that is no more with 4401, and asks to come back when the record cannot be read', async () => {
    const gone = setUp();
    gone.mailboxes.record.head = async () => null;
    await gone.hello();
    expect(gone.errors()).toEqual(['NOT_FOUND']);
    expect(gone.wire.code).toBe(4401);

    const down = setUp();
    down.mailboxes.record.head = () => Promise.reject(new AppError('UNAVAILABLE', 'Cannot reach the record'));
    await down.hello();
    expect(down.errors()).toEqual(['UNAVAILABLE']);
    expect(down.wire.code).toBe(1013);
  });

  it('refuses a second hello and goes on', async () => {
    const { errors, wire, hello } = setUp();
    await hello();
    await hello();
    expect(errors()).toEqual(['INVALID_INPUT']);
    expect(wire.code).toBeNull();
  });

  it('closes with 1008 after 20 refused frames in a minute, not when they are spread', async () => {
    const spread = setUp();
    await spread.hello();
    for (let count = 0; count < 40; count++) {
      spread.socket.onText('nonsense');
      spread.clock.advance(4_000);
    }
    expect(spread.wire.code).toBeNull();

    const { errors, wire, socket, hello } = setUp();
    await hello();
    for (let count = 0; count < 19; count++) socket.onText('nonsense');
    expect(wire.code).toBeNull();
    socket.onText('nonsense');
    expect(errors()).toHaveLength(20);
    expect(wire.code).toBe(1008);
  });

  it('limits frames, tells how long to wait, and recovers', async () => {
    const { clock, frames, mailboxes, send, hello } = setUp();
    await hello();
    for (let count = 0; count < 30; count++) send(message());
    await settle();
    expect(mailboxes.inputs).toHaveLength(29);
    expect(frames.find(({ type }) => type === 'error')).toMatchObject({
      error: { code: 'RATE_LIMITED', details: { retry_after_ms: 334 } },
    });
    clock.advance(334);
    send(message());
    await settle();
    expect(mailboxes.inputs).toHaveLength(30);
  });

  it('closes a flood with 1008', async () => {
    const { errors, wire, send, hello } = setUp();
    await hello();
    for (let count = 0; count < 100; count++) send(message());
    expect(new Set(errors())).toEqual(new Set(['RATE_LIMITED']));
    expect(wire.code).toBe(1008);
  });

  it('closes with 1003 on a binary frame', async () => {
    const { errors, wire, socket, hello } = setUp();
    await hello();
    socket.onBinary();
    expect(errors()).toEqual(['UNSUPPORTED_MEDIA']);
    expect(wire.code).toBe(1003);
  });

  it.each(['x'.repeat(70_000), '€'.repeat(22_000)])('closes with 1009 on more than 64 KiB, counted in bytes', async (text) => {
    const { errors, wire, socket, hello } = setUp();
    await hello();
    socket.onText(text);
    expect(errors()).toEqual(['TOO_LARGE']);
    expect(wire.code).toBe(1009);
  });

  it('closes after 75 s of silence, however often it is put off', async () => {
    const { clock, wire, send, hello } = setUp();
    await hello();
    for (let count = 0; count < 10; count++) {
      clock.advance(74_000);
      send({ type: 'ping' });
    }
    expect(wire.code).toBeNull();
    clock.advance(75_000);
    expect(wire.code).toBe(1001);
  });

  it('says closing and closes with 1001 after 12 hours', async () => {
    const { clock, frames, wire, send, hello } = setUp();
    await hello();
    for (let passed = 0; passed < 12 * 60 && wire.code === null; passed++) {
      send({ type: 'ping' });
      clock.advance(minute);
    }
    expect(frames.at(-1)).toEqual({ type: 'closing', retry_after_ms: 0 });
    expect(wire.code).toBe(1001);
  });

  it('closes a client that does not read for 10 s with 1013, and keeps nothing for it meanwhile', async () => {
    const { principal, clock, mailboxes, frames, wire, hello } = setUp();
    await hello();
    wire.buffered = 2 * 1024 * 1024;
    for (let count = 0; count < 500; count++) mailboxes.say(principal, { text: 'more' });
    mailboxes.publish(principal, { type: 'typing', on: true });
    await settle();
    expect(frames).toHaveLength(1);
    clock.advance(9_900);
    expect(wire.code).toBeNull();
    clock.advance(400);
    expect(wire.code).toBe(1013);
  });

  it('goes on where it was with a client that reads again in time', async () => {
    const { principal, clock, mailboxes, wire, hello, seqs } = setUp();
    await hello();
    wire.buffered = 2 * 1024 * 1024;
    for (let count = 0; count < 500; count++) mailboxes.say(principal, { text: 'more' });
    clock.advance(5_000);
    wire.buffered = 0;
    clock.advance(1_000);
    await settle();
    expect(seqs()).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
    expect(wire.code).toBeNull();
  });

  it('hears and says nothing once it has closed', async () => {
    const { principal, clock, mailboxes, frames, wire, socket, send, hello } = setUp();
    await hello();
    socket.onClose();
    mailboxes.say(principal, { text: 'late' });
    send(message());
    await settle();
    clock.advance(24 * 60 * minute);
    expect(frames).toHaveLength(1);
    expect(mailboxes.inputs).toEqual([]);
    expect(wire.code).toBeNull();
  });

  it('gives up its subscription when it closes while it joins', async () => {
    const { principal, mailboxes, frames, socket, send } = setUp();
    send({ type: 'hello' });
    socket.onClose();
    await settle();
    mailboxes.say(principal, { text: 'late' });
    expect(frames).toEqual([]);
  });

  it('skips news it cannot read', async () => {
    const { principal, mailboxes, hello, seqs } = setUp();
    await hello();
    mailboxes.fanOut.publish(`conversation:creator_${principal.creatorId}:${principal.conversationId}`, '{broken');
    mailboxes.say(principal, { text: 'fine' });
    expect(seqs()).toEqual([1]);
  });

  it('leaves with the time to come back', async () => {
    const { frames, wire, socket, hello } = setUp();
    await hello();
    socket.leave(1500);
    expect(frames.at(-1)).toEqual({ type: 'closing', retry_after_ms: 1500 });
    expect(wire.code).toBe(1001);
  });
});
