import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mediaKindOf } from '../../src/media/kind.ts';
import { hasSoundOnly } from '../../src/media/tracks.ts';

const latin1 = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const big = (value: number) => [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255];

/** An MP4 box, or one whose size stands in 64 bits. */
const box = (type: string, ...inside: number[][]) => [...big(8 + inside.flat().length), ...latin1(type), ...inside.flat()];
const longBox = (type: string, ...inside: number[][]) => [
  ...big(1),
  ...latin1(type),
  ...big(0),
  ...big(16 + inside.flat().length),
  ...inside.flat(),
];
const track = (handler: string) => box('trak', box('tkhd', [1, 2, 3]), box('mdia', box('hdlr', big(0), big(0), latin1(handler), big(0))));
const mp4 = (...tracks: number[][]) =>
  new Uint8Array([...box('ftyp', latin1('iso5'), big(512)), ...longBox('mdat', big(7)), ...box('moov', box('mvhd', big(0)), ...tracks)]);

/** An element of WebM; its size may be left open. */
const element = (id: number[], ...inside: number[][]) => [...id, 0x80 | inside.flat().length, ...inside.flat()];
const entry = (type: number) => element([0xae], element([0xd7], [1]), element([0x83], [type]), element([0x86], latin1('A_OPUS')));
const webm = (...types: number[]) =>
  new Uint8Array([
    ...element([0x1a, 0x45, 0xdf, 0xa3], element([0x42, 0x82], latin1('webm'))),
    ...[0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ...element([0x15, 0x49, 0xa9, 0x66], element([0x2a, 0xd7, 0xb1], [1])),
    ...element([0x16, 0x54, 0xae, 0x6b], ...types.map(entry)),
    ...[0x1f, 0x43, 0xb6, 0x75, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3],
  ]);

it.each([
  ['a WebM with sound', webm(2), 'audio/webm', 'weba'],
  ['a WebM with sound and subtitles', webm(2, 17), 'audio/webm', 'weba'],
  ['a WebM with a picture', webm(1, 2), 'video/webm', 'webm'],
  ['a WebM with nothing', webm(), 'video/webm', 'webm'],
  ['an MP4 with sound', mp4(track('soun')), 'audio/mp4', 'm4a'],
  ['an MP4 with a picture', mp4(track('soun'), track('vide')), 'video/mp4', 'mp4'],
  ['an MP4 with nothing', mp4(), 'video/mp4', 'mp4'],
] as const)('%s is %3$s', (_, bytes, type, ending) => {
  expect(mediaKindOf(bytes)).toEqual({ kind: type.split('/')[0], type, ending });
});

it('ends with an answer for every cut and change of a file', () => {
  const whole = fc.constantFrom(webm(2), webm(1, 2), mp4(track('soun')), mp4(track('vide')));
  fc.assert(
    fc.property(whole, fc.nat(300), fc.nat(300), fc.nat(255), (bytes, cut, at, value) => {
      const broken = bytes.slice(0, cut);
      if (at < broken.length) broken[at] = value;
      for (const type of ['video/webm', 'video/mp4'] as const) expect(typeof hasSoundOnly(broken, type)).toBe('boolean');
    }),
    { numRuns: 2_000 },
  );
});
