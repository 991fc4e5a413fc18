/** What a turn costs while the record grows from a thousand stored conversations to a million. */
import { breed } from './breed.ts';
import { type Installation, type Node, startInstallation } from './installation.ts';
import { closedLoop, type Loaded, type Talker } from './load.ts';
import { median, table } from './report.ts';
import { cpuMs } from './server-process.ts';
import { openTalkers, openWorkspace } from './talkers.ts';

const sizes = [1_000, 100_000, Number(process.env.BENCH_CONVERSATIONS ?? 1_000_000)];
const talking = 200;
const rounds = 3;
const warmMs = 1_000;
const measureMs = 4_000;

interface Measured extends Loaded {
  serverUs: number;
  storeUs: number;
}

/** Measures and gives the report in Markdown. */
export async function benchGrowth(): Promise<string> {
  const installation = await startInstallation(['alone']);
  try {
    const [node] = installation.nodes as [Node];
    const creatorId = await openWorkspace(node.origin);
    // The oldest one is what is copied: nobody speaks in it.
    for (const talker of await openTalkers(node.origin, creatorId, 1)) talker.close();
    const talkers = await openTalkers(node.origin, creatorId, talking);
    await closedLoop(talkers, warmMs, measureMs);
    const rows: string[][] = [];
    let stored = 0;
    for (const size of sizes) {
      await breed(installation.record, creatorId, size - stored, null);
      await installation.record.query('checkpoint');
      stored = size;
      const runs: Measured[] = [];
      for (let round = 0; round < rounds; round += 1) runs.push(await measure(installation, node, talkers));
      const middle = (of: (one: Measured) => number) => median(runs.map(of));
      rows.push([
        size.toLocaleString('en'),
        String(Math.round(middle(({ serverUs }) => serverUs))),
        String(Math.round(middle(({ storeUs }) => storeUs))),
        String(Math.round(middle(({ perSecond }) => perSecond))),
        middle(({ waits }) => waits.p50).toFixed(1),
      ]);
    }
    for (const talker of talkers) talker.close();
    return [
      `### Turns while the record grows: ${talking} open conversations among so many stored ones of the same creator, each with a message and an armed timer`,
      table(['stored', 'server CPU µs a turn', 'PostgreSQL CPU µs a turn', 'turns/s', 'p50 ms'], rows),
    ].join('\n\n');
  } finally {
    await installation.stop();
  }
}

async function measure({ postgres }: Installation, node: Node, talkers: readonly Talker[]): Promise<Measured> {
  const burnt = () => ({ server: cpuMs(node.pid), store: cpuMs(postgres.pid, true) });
  const before = burnt();
  const loaded = await closedLoop(talkers, warmMs, measureMs);
  const after = burnt();
  const turns = (loaded.perSecond * (warmMs + measureMs)) / 1000;
  return {
    ...loaded,
    serverUs: ((after.server - before.server) * 1000) / turns,
    storeUs: ((after.store - before.store) * 1000) / turns,
  };
}
