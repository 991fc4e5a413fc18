/** Which messages leave together. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinSends } from '../src/actors/join-sends.ts';
import { bubblesOf, joinedBody } from '../src/bubbles.ts';
import type { MessageBody } from '../src/message.ts';

const text = (seq: number): { seq: number; body: MessageBody } => ({ seq, body: { text: `m${seq}` } });
const keys = (seq: number) => ({ seq, body: { text: 'Well?', buttons: [{ id: 'y', title: 'Yes' }] } });

test.each([
  ['three stay three', [text(1), text(2), text(3)], ['1', '2', '3']],
  ['of five texts the oldest are joined', [text(1), text(2), text(3), text(4), text(5)], ['1–3', '4', '5']],
  ['buttons stay below their own text', [keys(1), text(2), text(3), keys(4)], ['1', '2–3', '4']],
  ['what is no mere text is joined to nothing after it', [keys(1), keys(2), keys(3), keys(4)], ['1', '2', '3', '4']],
  ['only neighbours are joined', [text(1), text(3), text(5), text(6)], ['1', '3', '5–6']],
])('%s', (_, messages, expected) => {
  expect(bubblesOf(messages).map(({ first, seq }) => (first === seq ? `${seq}` : `${first}–${seq}`))).toEqual(expected);
});

test('no message is lost, doubled or out of order, and texts never need more than three', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 20 }), (shapes) => {
      const bubbles = bubblesOf(shapes.map((isText, index) => (isText ? text : keys)(index + 1)));
      const covered = bubbles.flatMap(({ first, seq }) => Array.from({ length: seq - first + 1 }, (_, place) => first + place));
      expect(covered).toEqual(shapes.map((_, index) => index + 1));
      if (shapes.every(Boolean)) expect(bubbles.length).toBeLessThanOrEqual(3);
    }),
  );
});

test('the texts stand below one another, the rest comes from the last', () => {
  expect(joinedBody([text(1).body, keys(2).body])).toEqual({ text: 'm1\n\nWell?', buttons: [{ id: 'y', title: 'Yes' }] });
});

test('the sends of a turn become fewer, other effects stay', () => {
  const send = (seq: number) => ({ id: `s${seq}`, ordinal: seq, type: 'send', lane: 'send', params: { seq } }) as const;
  const recount = { id: 'r', ordinal: 9, type: 'recount', lane: 'recount', params: {} } as const;
  const messages = [1, 2, 3, 4, 5].map((seq) => ({ ...text(seq), id: null, role: 'coach', class: 'reply', at: 0 }) as const);
  const joined = joinSends([send(1), send(2), recount, send(3), send(4), send(5)], messages);
  expect(joined.map(({ id, params }) => [id, params])).toEqual([
    ['r', {}],
    ['s3', { seq: 3, first: 1 }],
    ['s4', { seq: 4 }],
    ['s5', { seq: 5 }],
  ]);
});
