/** Cold activation: the first message to a conversation that is not in memory, from Redis and from PostgreSQL, beside one that is. */
import { type Node, startInstallation } from './installation.ts';
import { sayOnce, type Talker, waitsOf } from './load.ts';
import { table } from './report.ts';
import { beginTalk, joinTalk, many, openWorkspace } from './talkers.ts';

const conversations = 400;
const warming = 100;
/** The conversation is written to the shared cache a little after its turn. */
const settleMs = 2_000;

/** Measures and gives the report in Markdown. */
export async function benchCold(): Promise<string> {
  const installation = await startInstallation(['redis', 'redis', 'alone']);
  try {
    const [first, warm, alone] = installation.nodes as [Node, Node, Node];
    const creatorId = await openWorkspace(first.origin);
    const rows = [];
    const targets = [await talkersOn(first, warm, creatorId, 0), await talkersOn(first, alone, creatorId, 1)];
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const waits = targets.map(() => ({ cold: [] as number[], hot: [] as number[] }));
    // In turn, so that a slow moment of the machine falls on all.
    for (let n = 0; n < conversations + warming; n += 1) {
      for (const [index, talkers] of targets.entries()) {
        const talker = talkers[n] as Talker;
        const cold = await sayOnce(talker);
        const hot = await sayOnce(talker);
        if (n < warming) continue;
        waits[index]?.cold.push(cold);
        waits[index]?.hot.push(hot);
      }
    }
    for (const talkers of targets) for (const talker of talkers) talker.close();
    for (const [index, from] of ['Redis', 'PostgreSQL'].entries()) {
      const cold = waitsOf(waits[index]?.cold ?? []);
      const hot = waitsOf(waits[index]?.hot ?? []);
      const ms = (value: number) => value.toFixed(2);
      rows.push([from, `${ms(cold.p50)} / ${ms(cold.p99)}`, `${ms(hot.p50)} / ${ms(hot.p99)}`, ms(cold.p50 - hot.p50)]);
    }
    return [
      `### Cold activation: the first of two messages to each of ${conversations} conversations, one at a time, PostgreSQL`,
      table(['hydrated from', 'cold: p50 / p99 ms', 'hot: p50 / p99 ms', 'difference of p50, ms'], rows),
    ].join('\n\n');
  } finally {
    await installation.stop();
  }
}

/** Conversations that began on one node and go on at another, which has never heard of them. */
async function talkersOn(begun: Node, on: Node, creatorId: string, kind: number): Promise<Talker[]> {
  return many(conversations + warming, async (n) => {
    const token = await beginTalk(begun.origin, creatorId, `10.${kind + 1}.${n >> 8}.${n & 255}`);
    return joinTalk(on.origin, creatorId, token);
  });
}
