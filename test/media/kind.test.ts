import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mediaKindOf } from '../../src/media/kind.ts';

const latin1 = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const png = (width: number, height: number) => {
  const bytes = new Uint8Array(33);
  bytes.set(latin1('\x89PNG\r\n\x1a\n\0\0\0\rIHDR'));
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return bytes;
};
const jpeg = (width: number, height: number) =>
  new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 11, 8, height >> 8, height & 255, width >> 8, width & 255, 3, 0, 0]);

it.each([
  [png(10, 10), 'image', 'image/png'],
  [jpeg(100, 100), 'image', 'image/jpeg'],
  [latin1('GIF89a\x01\0\x01\0'), 'image', 'image/gif'],
  [latin1('RIFF\0\0\0\0WEBPVP8 '), 'image', 'image/webp'],
  [latin1('RIFF\0\0\0\0WAVEfmt '), 'audio', 'audio/wav'],
  [latin1('OggS\0'), 'audio', 'audio/ogg'],
  [latin1('ID3\x03'), 'audio', 'audio/mpeg'],
  [latin1('\0\0\0\x20ftypisom'), 'video', 'video/mp4'],
  [latin1('\0\0\0\x20ftypM4A '), 'audio', 'audio/mp4'],
  [latin1('\x1aE\xdf\xa3\x01'), 'video', 'video/webm'],
  [latin1('%PDF-1.7\n'), 'file', 'application/pdf'],
  [new TextEncoder().encode('Mañana, 7:30'), 'file', 'text/plain'],
] as const)('takes %# by its content', (bytes, kind, type) => {
  expect(mediaKindOf(bytes)).toMatchObject({ kind, type });
});

it.each([
  ['nothing', new Uint8Array(), 'INVALID_INPUT'],
  ['a page', latin1('<!doctype html><script>alert(1)</script>'), 'UNSUPPORTED_MEDIA'],
  ['a drawing with a script', latin1(' <svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), 'UNSUPPORTED_MEDIA'],
  ['a program', latin1('MZ\x90\0\x03'), 'UNSUPPORTED_MEDIA'],
  ['an archive', latin1('PK\x03\x04\x14\0\0\0\0\0'), 'UNSUPPORTED_MEDIA'],
  ['a picture that unfolds to gigabytes', png(60_000, 60_000), 'INVALID_INPUT'],
  ['a photograph that does', jpeg(60_000, 60_000), 'INVALID_INPUT'],
] as const)('refuses %s', (_name, bytes, code) => {
  expect(() => mediaKindOf(bytes)).toThrow(expect.objectContaining({ code }));
});

it('answers any bytes with a kind on the list or a refusal', () => {
  const heads = fc.constantFrom('\xff\xd8\xff', '\x89PNG\r\n\x1a\n', 'GIF89a', 'RIFF', '');
  fc.assert(
    fc.property(heads, fc.uint8Array({ maxLength: 200 }), (head, rest) => {
      try {
        expect(mediaKindOf(new Uint8Array([...latin1(head), ...rest])).type).toMatch(/^(image|audio|video|application|text)\/[a-z0-9-]+$/);
      } catch (error) {
        expect(error).toMatchObject({ name: 'AppError' });
      }
    }),
  );
});
