/** What two nodes over one PostgreSQL and one Redis do together, beside one of them alone with the same people. */
import { type Installation, type Node, startInstallation } from './installation.ts';
import { closedLoop, type Loaded, type Talker } from './load.ts';
import { median, table } from './report.ts';
import { cpuMs } from './server-process.ts';
import { openTalkers, openWorkspace } from './talkers.ts';

const conversations = 200;
const rounds = 3;
const warmMs = 1_000;
const measureMs = 4_000;

interface Measured extends Loaded {
  /** CPU of nodes and PostgreSQL, in microseconds a turn. */
  us: number;
}

/** Measures and gives the report in Markdown. */
export async function benchNodes(): Promise<string> {
  const installation = await startInstallation(['redis', 'redis']);
  try {
    const [a, b] = installation.nodes as [Node, Node];
    const creatorId = await openWorkspace(a.origin);
    const one = await openTalkers(a.origin, creatorId, conversations);
    const two = [
      ...(await openTalkers(a.origin, creatorId, conversations / 2)),
      ...(await openTalkers(b.origin, creatorId, conversations / 2)),
    ];
    const measured = { one: [] as Measured[], two: [] as Measured[] };
    for (let round = 0; round < rounds; round += 1) {
      measured.one.push(await measure(installation, one));
      measured.two.push(await measure(installation, two));
    }
    for (const talker of [...one, ...two]) talker.close();
    const rates = (of: readonly Measured[]) => median(of.map(({ perSecond }) => perSecond));
    const row = (name: string, of: readonly Measured[]) => [
      name,
      `${Math.round(rates(of))} (${of.map(({ perSecond }) => Math.round(perSecond)).join(', ')})`,
      (rates(of) / rates(measured.one)).toFixed(2),
      Math.round(median(of.map(({ us }) => us))).toString(),
      median(of.map(({ waits }) => waits.p50)).toFixed(1),
    ];
    return [
      `### Two nodes on one machine: ${conversations} open conversations, closed loop, PostgreSQL and Redis, median of ${rounds} interleaved runs of ${measureMs / 1000} s`,
      table(
        ['', 'turns/s (each run)', 'of one node', 'CPU µs a turn, nodes and PostgreSQL', 'p50 ms'],
        [row('all on one node', measured.one), row('half on each of two', measured.two)],
      ),
    ].join('\n\n');
  } finally {
    await installation.stop();
  }
}

async function measure({ nodes, postgres }: Installation, talkers: readonly Talker[]): Promise<Measured> {
  const burnt = () => nodes.reduce((sum, { pid }) => sum + cpuMs(pid), cpuMs(postgres.pid, true));
  const before = burnt();
  const loaded = await closedLoop(talkers, warmMs, measureMs);
  return { ...loaded, us: ((burnt() - before) * 1000) / ((loaded.perSecond * (warmMs + measureMs)) / 1000) };
}
