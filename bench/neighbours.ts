/** What one creator's flood does to another's chat on the same server: who floods waits, not the neighbour. */
import { type Node, startInstallation } from './installation.ts';
import { closedLoop, openLoop, type Waits } from './load.ts';
import { table } from './report.ts';
import { cpuMs } from './server-process.ts';
import { openTalkers, openWorkspace } from './talkers.ts';

const flooding = 400;
const chatting = 20;
const chatPerSecond = 20;
const warmMs = 2_000;
const measureMs = 10_000;

/** Measures and gives the report in Markdown. */
export async function benchNeighbours(): Promise<string> {
  const installation = await startInstallation(['alone']);
  try {
    const [node] = installation.nodes as [Node];
    const { origin } = node;
    const burnt = () => cpuMs(node.pid) + cpuMs(installation.postgres.pid, true);
    const chat = await openTalkers(origin, await openWorkspace(origin), chatting);
    const flood = await openTalkers(origin, await openWorkspace(origin), flooding);
    const alone = await openLoop(chat, chatPerSecond, warmMs, measureMs);
    const before = burnt();
    const [flooded, beside] = await Promise.all([
      closedLoop(flood, warmMs, measureMs),
      openLoop(chat, chatPerSecond, warmMs, measureMs - warmMs),
    ]);
    const us = ((burnt() - before) * 1000) / ((flooded.perSecond * (warmMs + measureMs)) / 1000);
    for (const talker of [...chat, ...flood]) talker.close();
    return [
      `### One creator's flood, PostgreSQL: ${flooding} conversations that never pause, beside another creator's ${chatting} (${chatPerSecond} messages a second)`,
      table(
        ['', 'turns/s', 'p50 ms', 'p95 ms', 'p99 ms'],
        [
          row('the neighbour alone', chatPerSecond, alone),
          row('the neighbour during the flood', chatPerSecond, beside),
          row('the flood', Math.round(flooded.perSecond), flooded.waits),
        ],
      ),
      `A turn of the flood took ${Math.round(us)} µs of CPU, server and PostgreSQL.`,
    ].join('\n\n');
  } finally {
    await installation.stop();
  }
}

function row(name: string, perSecond: number, { p50, p95, p99 }: Waits): string[] {
  return [name, String(perSecond), ...[p50, p95, p99].map((ms) => ms.toFixed(1))];
}
