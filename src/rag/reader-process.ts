/** The program of the reader's process: reads the documents it is told of, one after another. */
import { readFile, stat } from 'node:fs/promises';
import { UnreadableDocument } from './document-text.ts';
import type { DocumentKind } from './kind.ts';
import type { ReadOutcome, ReadTask } from './reader.ts';
import { readDocument } from './reading.ts';

// Deno leaves this accessor out and mammoth is written with it. Only this process, which does nothing else, gets it back.
if (Reflect.get({}, '__proto__') !== Object.prototype) {
  Object.defineProperty(Object.prototype, '__proto__', {
    configurable: true,
    get() {
      return Object.getPrototypeOf(this);
    },
    set(prototype: object | null) {
      Object.setPrototypeOf(this, prototype);
    },
  });
}

process.on('message', async (task: ReadTask) => {
  process.send?.(await read(task));
});
// Ended by the reader, once it has heard: the news of an end may overtake the outcome. When the reader is gone, nobody waits.
process.once('disconnect', () => process.exit());

/** How many bytes a character of text takes at most, markup included: a larger file is too large whatever it holds, and is not read. */
const bytesPerChar: Partial<Record<DocumentKind, number>> = { text: 4, markdown: 4, html: 10 };

async function read(task: ReadTask): Promise<ReadOutcome> {
  try {
    const { size } = await stat(task.path);
    const most = task.limits.chars * (bytesPerChar[task.kind] ?? Number.POSITIVE_INFINITY);
    if (size > most) throw new UnreadableDocument('too_large', `Split the document: it has more than ${task.limits.chars} characters`);
    const bytes = new Uint8Array(await readFile(task.path));
    return { document: await readDocument(bytes, task, task.limits) };
  } catch (error) {
    if (error instanceof UnreadableDocument) return { problem: error.problem, message: error.message };
    return { problem: 'broken', message: 'Save the document again: it cannot be read' };
  }
}
