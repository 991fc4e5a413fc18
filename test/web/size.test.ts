/** The size of the built widget against its budget. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { expect, it } from 'vitest';

const budgetBytes = 20_000;
/** What is fetched with the first question. */
const questionsBudgetBytes = 4_000;

it('the widget is one script below 20 kB gzipped, and its controls for questions another below 4 kB', async () => {
  const outDir = await mkdtemp(join(tmpdir(), 'widget-'));
  const sizeOf = async (name: string) => gzipSync(await readFile(join(outDir, name)), { level: 9 }).byteLength;
  try {
    await build({ configFile: 'web/vite.config.ts', build: { outDir, emptyOutDir: true } });
    const [widget, questions] = [await sizeOf('widget.js'), await sizeOf('widget-questions.js')];
    process.stdout.write(
      `gzipped: widget.js ${widget} bytes of ${budgetBytes}, widget-questions.js ${questions} of ${questionsBudgetBytes}\n`,
    );
    expect(widget).toBeLessThan(budgetBytes);
    expect(questions).toBeLessThan(questionsBudgetBytes);
  } finally {
    await rm(outDir, { recursive: true });
  }
});
