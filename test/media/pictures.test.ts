import sharp, { type Sharp } from 'sharp';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createPictures } from '../../src/media/pictures.ts';

const clock = systemClock();
const pictures = createPictures(clock);

/** A picture with a red left half and a blue right half. */
function halves(width: number, height: number) {
  const half = { create: { width: Math.ceil(width / 2), height, channels: 3 as const, background: '#f00' } };
  return sharp({ create: { width, height, channels: 3, background: '#00f' } }).composite([{ input: half, left: 0, top: 0 }]);
}

const bytesOf = async (picture: Sharp) => new Uint8Array(await picture.toBuffer());
const sizeOf = async (bytes: Uint8Array) => {
  const { width, height, format } = await sharp(bytes).metadata();
  return [format, width, height];
};

it('keeps a photograph upright, smaller, and without the place it was taken at', async () => {
  const photo = await bytesOf(
    halves(4000, 1000)
      .jpeg()
      .withExif({ IFD0: { Artist: 'Somebody' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '38/1 43/1 20/1' } })
      .withMetadata({ orientation: 6 }),
  );
  expect(Buffer.from(photo).toString('latin1')).toContain('Exif');
  const { bytes, width, height, preview } = await pictures.prepare(photo, 'image/jpeg');
  expect([width, height]).toEqual([512, 2048]);
  expect(await sizeOf(bytes)).toEqual(['jpeg', 512, 2048]);
  expect(await sizeOf(preview ?? bytes)).toEqual(['webp', 160, 640]);
  expect((await sharp(bytes).metadata()).exif).toBeUndefined();
  // Turned clockwise: what was left is above.
  const { data } = await sharp(bytes).extract({ left: 256, top: 100, width: 1, height: 1 }).raw().toBuffer({ resolveWithObject: true });
  expect(data[0]).toBeGreaterThan(200);
});

it.each(['png', 'webp'] as const)('keeps a small %s in its own format and size, without a preview', async (format) => {
  const { bytes, width, height, preview } = await pictures.prepare(await bytesOf(halves(40, 30)[format]()), `image/${format}`);
  expect([await sizeOf(bytes), width, height, preview]).toEqual([[format, 40, 30], 40, 30, null]);
});

it('refuses what unfolds to more than 50 million pixels, is cut, or is none', async () => {
  const bomb = await bytesOf(sharp({ create: { width: 9000, height: 9000, channels: 3, background: '#000' } }).png());
  expect(bomb.byteLength).toBeLessThan(1_000_000);
  const cut = (await bytesOf(halves(400, 300).jpeg())).slice(0, 900);
  const none = new TextEncoder().encode('\x89PNG\r\n\x1a\n and then nothing of the kind');
  for (const [bytes, type] of [
    [bomb, 'image/png'],
    [cut, 'image/jpeg'],
    [none, 'image/png'],
  ] as const) {
    await expect(pictures.prepare(bytes, type)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  }
});

it('lets so many wait and refuses more until they are done', async () => {
  const few = createPictures(clock, { mostWaiting: 2 });
  const bytes = await bytesOf(halves(4, 4).png());
  const tried = await Promise.allSettled(Array.from({ length: 3 }, () => few.prepare(bytes, 'image/png')));
  expect(tried.filter(({ status }) => status === 'rejected')).toMatchObject([{ reason: { code: 'OVERLOADED' } }]);
  expect(await few.prepare(bytes, 'image/png')).toMatchObject({ width: 4 });
});
