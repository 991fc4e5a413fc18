/** What waiting costs: open sockets on which nothing is said, and conversations of which nothing is heard. */
import { breed } from './breed.ts';
import { type Node, startInstallation } from './installation.ts';
import { openRawSocket } from './raw-socket.ts';
import { table } from './report.ts';
import { cpuMs, memoryMiB, type ServerProcess, startServer } from './server-process.ts';
import { beginSession, many, openSocket, openTalkers, openWorkspace } from './talkers.ts';

const sockets = Number(process.env.BENCH_SOCKETS ?? 10_000);
const conversations = 100_000;
/** Opened first, so that compiled code and caches that fill once do not count as a socket's. */
const warming = 300;
/** Requests that a server in service has long answered: what they leave in the heap is not a socket's either. */
const served = 4_000;
const settleMs = 4_000;

/** Measures and gives the report in Markdown. */
export async function benchIdle(): Promise<string> {
  const rows = [await bare('bare `ws`', 'bench/echo-server.ts'), await bare('bare Hono with its Node adapter', 'bench/hono-server.ts')];
  const installation = await startInstallation(['alone']);
  try {
    const [node] = installation.nodes as [Node];
    const creatorId = await openWorkspace(node.origin);
    await many(served, (n) => beginSession(node.origin, creatorId, `10.7.${n >> 8}.${n & 255}`));
    rows.push(await perSocket('Compañero, a widget that has said hello', node, (n) => openSocket(node.origin, creatorId, n)));
    for (const talker of await openTalkers(node.origin, creatorId, 1)) talker.close();
    const hibernated = await asleep(node, () => breed(installation.record, creatorId, conversations, null));
    return [
      `### Idle: ${sockets} sockets, and ${conversations} conversations that wait for a timer`,
      table(['process memory (PSS)', 'KiB a socket', 'CPU ms a second at rest'], rows),
      table([`${conversations} hibernated conversations with an armed timer`, ''], hibernated),
    ].join('\n\n');
  } finally {
    await installation.stop();
  }
}

async function bare(name: string, script: string): Promise<string[]> {
  const server = await startServer(script, {}, 'up on');
  const port = /up on (\d+)/.exec(server.output)?.[1];
  const row = await perSocket(name, server, () => openRawSocket(`ws://127.0.0.1:${port}/`));
  await server.stop();
  return row;
}

async function perSocket(name: string, server: ServerProcess, open: (n: number) => Promise<{ close(): void }>): Promise<string[]> {
  const opened = await many(warming, open);
  await settled();
  const before = memoryMiB(server.pid);
  opened.push(...(await many(sockets, open, warming)));
  await settled();
  const cpu = await atRest(server);
  const kib = ((memoryMiB(server.pid) - before) * 1024) / sockets;
  for (const socket of opened) socket.close();
  await settled();
  return [name, kib.toFixed(1), cpu];
}

/** What conversations cost the process that are only on record. */
async function asleep(server: ServerProcess, fill: () => Promise<unknown>): Promise<string[][]> {
  const before = { memory: memoryMiB(server.pid), cpu: await atRest(server) };
  await fill();
  await settled();
  const after = { memory: memoryMiB(server.pid), cpu: await atRest(server) };
  return [
    ['process memory before and with them, MiB', `${before.memory.toFixed(1)} and ${after.memory.toFixed(1)}`],
    ['CPU ms a second before and with them', `${before.cpu} and ${after.cpu}`],
  ];
}

async function atRest({ pid }: ServerProcess): Promise<string> {
  const before = cpuMs(pid);
  await settled();
  return (((cpuMs(pid) - before) * 1000) / settleMs).toFixed(0);
}

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, settleMs));
}
