/** Pictures are made to fit in a process of their own under every runtime, run by `node --test` and by `deno test`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { systemClock } from '../../src/clock.ts';
import { createPictures } from '../../src/media/pictures.ts';

test('a picture is made smaller', async () => {
  const large = await sharp({ create: { width: 2500, height: 100, channels: 3, background: '#0a6' } })
    .png()
    .toBuffer();
  const { width, height, preview } = await createPictures(systemClock()).prepare(new Uint8Array(large), 'image/png');
  assert.deepEqual([width, height, preview !== null], [2048, 82, true]);
});
