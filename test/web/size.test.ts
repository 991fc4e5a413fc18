/** The size of the built widget against its budget. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { expect, it } from 'vitest';

const budgetBytes = 20_000;

it('the widget is one script below 20 kB gzipped', async () => {
  const outDir = await mkdtemp(join(tmpdir(), 'widget-'));
  try {
    await build({ configFile: 'web/vite.config.ts', build: { outDir, emptyOutDir: true } });
    const size = gzipSync(await readFile(join(outDir, 'widget.js')), { level: 9 }).byteLength;
    process.stdout.write(`widget.js: ${size} bytes gzipped of ${budgetBytes}\n`);
    expect(size).toBeLessThan(budgetBytes);
  } finally {
    await rm(outDir, { recursive: true });
  }
});
