/** The program of a picture's process: makes the one picture it is sent fit to keep, answers once, and waits for its end. */
import sharp, { type Sharp } from 'sharp';
import type { PictureOutcome, PictureTask, PreparedType } from './pictures.ts';

process.once('message', async (task: PictureTask) => {
  process.send?.(await prepare(task));
});
// Ended by the server, once it has heard. When that is gone, nobody waits.
process.once('disconnect', () => process.exit());

/** Strong enough to look the same on a screen. */
const formats: Readonly<Record<PreparedType, (picture: Sharp) => Sharp>> = {
  'image/jpeg': (picture) => picture.jpeg({ quality: 84 }),
  'image/png': (picture) => picture.png({ compressionLevel: 8 }),
  'image/webp': (picture) => picture.webp({ quality: 84 }),
};

async function prepare({ bytes, type, mostPixels, sidePx, previewSidePx }: PictureTask): Promise<PictureOutcome> {
  // Without `keepMetadata` nothing of EXIF, XMP or IPTC is written; turning the picture upright makes up for the lost orientation.
  const open = (of: Uint8Array) => sharp(of, { limitInputPixels: mostPixels, failOn: 'error' });
  const within = (side: number) => ({ width: side, height: side, fit: 'inside', withoutEnlargement: true }) as const;
  try {
    const { data, info } = await formats[type](open(bytes).autoOrient().resize(within(sidePx))).toBuffer({ resolveWithObject: true });
    const isSmall = Math.max(info.width, info.height) <= previewSidePx;
    const preview = isSmall ? null : await open(data).resize(within(previewSidePx)).webp({ quality: 76 }).toBuffer();
    return { bytes: data, width: info.width, height: info.height, preview };
  } catch {
    // Whatever the decoder says of a hostile file says nothing to whoever sent it.
    return null;
  }
}
