/** Runs the benchmarks named on the command line, or all of them, and prints the figures as Markdown. Writes nothing else. */
import { benchAccounts } from './accounts.ts';
import { benchChannels } from './channels.ts';
import { benchCold } from './cold.ts';
import { benchDocuments } from './documents.ts';
import { benchGrowth } from './growth.ts';
import { benchHerd } from './herd.ts';
import { benchIdle } from './idle.ts';
import { benchKnowledge } from './knowledge.ts';
import { benchNeighbours } from './neighbours.ts';
import { benchNodes } from './nodes.ts';
import { benchPrograms } from './programs.ts';
import { benchRanking } from './ranking.ts';
import { machine } from './report.ts';
import { benchTurns } from './turns.ts';
import { benchWidget } from './widget.ts';

const benches: Readonly<Record<string, () => Promise<string>>> = {
  accounts: benchAccounts,
  channels: benchChannels,
  cold: benchCold,
  documents: benchDocuments,
  growth: benchGrowth,
  herd: benchHerd,
  idle: benchIdle,
  knowledge: benchKnowledge,
  neighbours: benchNeighbours,
  nodes: benchNodes,
  programs: benchPrograms,
  ranking: benchRanking,
  turns: benchTurns,
  widget: benchWidget,
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in benches));
if (unknown.length > 0) throw new Error(`Cannot run "${unknown.join('", "')}": the benchmarks are ${Object.keys(benches).join(', ')}`);
console.log(`Measured ${new Date().toISOString().slice(0, 10)} on ${machine()}.`);
for (const [name, bench] of Object.entries(benches)) {
  if (named.length === 0 || named.includes(name)) console.log(`\n${await bench()}`);
}
process.exit(0);
