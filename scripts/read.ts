/** Reads every document of a folder as an upload is read, keeps nothing, and says what came of it: `npm run read -- DIR`. */
import { readdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { AppError } from '../src/errors.ts';
import { defaultSizes } from '../src/rag/chunk.ts';
import { UnreadableDocument } from '../src/rag/document-text.ts';
import { kindBytes, kindOf } from '../src/rag/kind.ts';
import { createReader } from '../src/rag/reader.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('Name a folder: npm run read -- DIR');
  process.exit(1);
}

interface Reading {
  name: string;
  /** `ready`, or why not. */
  outcome: string;
  milliseconds: number;
  /** Most that the reader's process has held so far, in MiB; 0 where the system does not tell (proc(5)). */
  peak: number;
}

const reader = createReader(systemClock());
const readings: Reading[] = [];
const began = performance.now();
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name);
  const start = performance.now();
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakOfChildren());
  }, 20);
  const outcome = await outcomeOf(path, entry.name);
  clearInterval(watch);
  readings.push({ name: entry.name, outcome, milliseconds: performance.now() - start, peak: Math.max(peak, peakOfChildren()) });
}
report(readings, performance.now() - began);
process.exit(0);

async function outcomeOf(path: string, name: string): Promise<string> {
  try {
    const kind = kindOf(await endsOf(path), name);
    const { flags } = await reader.read('operator', path, { kind, sizes: defaultSizes }, new AbortController().signal);
    return ['ready', ...flags].join(', ');
  } catch (error) {
    if (error instanceof UnreadableDocument) return error.problem;
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

async function endsOf(path: string): Promise<{ head: Uint8Array; tail: Uint8Array }> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const [head, tail] = [new Uint8Array(Math.min(size, kindBytes.head)), new Uint8Array(Math.min(size, kindBytes.tail))];
    await file.read(head, 0, head.byteLength, 0);
    await file.read(tail, 0, tail.byteLength, size - tail.byteLength);
    return { head, tail };
  } finally {
    await file.close();
  }
}

function peakOfChildren(): number {
  if (process.platform !== 'linux') return 0;
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ');
  return Math.max(0, ...children.map(peakMiB));
}

function peakMiB(pid: string): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    // it has ended since it was listed
    return 0;
  }
}

function report(all: readonly Reading[], milliseconds: number): void {
  const outcomes = Map.groupBy(all, ({ outcome }) => outcome);
  for (const [outcome, some] of outcomes) console.log(`${outcome}: ${some.length}`);
  const times = all.map((reading) => reading.milliseconds).sort((a, b) => a - b);
  const at = (share: number) => `${(times[Math.floor(times.length * share)] ?? 0).toFixed(0)} ms`;
  console.log(`half within ${at(0.5)}, 95 of 100 within ${at(0.95)}; ${((all.length * 1000) / milliseconds).toFixed(1)} files a second`);
  console.log(`the reader held ${Math.max(0, ...all.map(({ peak }) => peak)).toFixed(0)} MiB at most`);
  const slowest = all.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, 5);
  console.log(`slowest: ${slowest.map((reading) => `${reading.name} (${(reading.milliseconds / 1000).toFixed(1)} s)`).join(', ')}`);
  for (const { name, outcome } of all) if (!outcome.startsWith('ready')) console.log(`${outcome}\t${name}`);
}
