/** The wires between the nodes and the world: every call that leaves a node waits here until the history lets it go on, fail or get lost. */
import type { Answers } from '../../src/answers.ts';
import type { Database } from '../../src/database.ts';
import type { Deliveries, DeliveryRequest } from '../../src/deliveries.ts';
import { AppError } from '../../src/errors.ts';
import type { Cache } from '../../src/shared/cache.ts';
import type { TurnOutcome, TurnRow } from '../../src/store/turns.ts';
import { answerOf } from '../support/runtime.ts';

/** How a call ends: done, refused before anything happened, or done with its reply lost. */
export type Fate = 'done' | 'refused' | 'reply lost';

/** A call that waits for its fate. */
export interface Call {
  node: number;
  what: string;
  end(fate: Fate): Promise<void>;
}

/** All calls under way, in the order they were made. */
export interface Wires {
  calls: Call[];
  /** The database as a node sees it. Calls of a node that has died never come back. */
  database(node: number): Database;
  answers(node: number): Answers['answer'];
  send(node: number): Deliveries['send'];
  /** A cache as a node sees it: what it says may arrive late, or never. */
  cache(node: number, cache: Cache): Cache;
  cut(node: number): void;
}

/** Who hears what the wires carry. */
interface Listeners {
  /** Every turn as the database has taken it. */
  onCommit(row: TurnRow, outcome: TurnOutcome, node: number): void;
  onAsk(question: string): void;
  /** Every message as the provider has got it. */
  onSend(request: DeliveryRequest): void;
}

/** Wires between any number of nodes and one database. */
export function createWires(db: Database, { onCommit, onAsk, onSend }: Listeners): Wires {
  const calls: Call[] = [];
  const dead = new Set<number>();

  function call<T>(node: number, what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (dead.has(node)) return;
      const waiting: Call = {
        node,
        what,
        async end(fate) {
          calls.splice(calls.indexOf(waiting), 1);
          if (fate === 'refused') return reply(() => reject(new AppError('UNAVAILABLE', 'Connection refused')));
          try {
            const result = await work();
            reply(() => (fate === 'done' ? resolve(result) : reject(new AppError('UNAVAILABLE', 'Connection lost'))));
          } catch (error) {
            reply(() => reject(error));
          }
        },
      };
      const reply = (answer: () => void) => {
        if (!dead.has(node)) answer();
      };
      calls.push(waiting);
      // A caller that hangs up is not called back, and what it had not yet said is never heard.
      signal?.addEventListener('abort', () => {
        const at = calls.indexOf(waiting);
        if (at >= 0) calls.splice(at, 1);
        reply(() => reject(signal.reason));
      });
    });
  }

  async function commit(node: number, text: string, params: readonly unknown[]): Promise<never[]> {
    const others = await db.routing<TurnOutcome & { turn: number }>(text, params);
    const [batches, snapshots, ...arrays] = params as [string, string, string, string, string, string];
    const bySnapshot = snapshots.split('\u001e');
    const [conversations = [], versions = [], contactVersions = [], instants = []] = arrays.map((array) => array.slice(1, -1).split(','));
    const shared = (turn: number) => ({
      conversation: conversations[turn - 1],
      expected: Number(versions[turn - 1]),
      contact_expected: Number(contactVersions[turn - 1]),
      at: instants[turn - 1],
      snapshot: bySnapshot[turn - 1],
    });
    const outcomes = new Map(others.map((outcome) => [outcome.turn, outcome]));
    for (const [turn, row] of turnsOf(JSON.parse(batches) as Batch[], shared)) {
      onCommit(row, outcomes.get(turn) ?? { outcome: 'committed', known: null }, node);
    }
    return others as never[];
  }

  return {
    calls,
    database: (node) => ({
      ...db,
      tenant: (creator, work) => call(node, 'tenant', () => db.tenant(creator, work)),
      routing: (text, params = []) =>
        text.includes('commit_turns')
          ? call(node, 'commit', () => commit(node, text, params))
          : call(node, text.slice(0, 40), () => db.routing<never>(text, params)),
    }),
    answers: (node) => (request, signal) => {
      onAsk(request.question);
      return call(node, 'answer', async () => answerOf(`About ${request.question}`), signal);
    },
    send: (node) => (request, signal) => {
      const sent = async () => {
        onSend(request);
        return { outcome: 'sent' as const, providerId: request.key };
      };
      return call(node, 'send', sent, signal);
    },
    cache: (node, cache) => ({
      ...cache,
      get: (key) => call(node, 'cache', () => cache.get(key)),
      set: (key, value, ttlMs) => call(node, 'cache', () => cache.set(key, value, ttlMs)),
      delete: (key) => call(node, 'cache', () => cache.delete(key)),
    }),
    cut(node) {
      dead.add(node);
    },
  };
}

/** A creator's turns as they go over the wire: parts as flat lists, each row with the place of its turn (src/store/turns.ts). */
type Batch = { creator: string; turns: { turn: number }[] } & Record<string, { turn: number; id: string }[] | undefined>;

/** Place → turn, put together again. */
function turnsOf(batches: readonly Batch[], shared: (turn: number) => object): Map<number, TurnRow> {
  const parts = ['inputs', 'messages', 'timers_set', 'effects', 'effects_ended', 'awards'];
  const rows = batches.flatMap((batch) =>
    batch.turns.map(({ turn, ...row }) => {
      const of = (part: string) => (batch[part] ?? []).filter((one) => one.turn === turn);
      const lists = Object.fromEntries(parts.map((part) => [part, of(part)]));
      const cleared = of('timers_cleared').map(({ id }) => id);
      return [turn, { creator: batch.creator, ...shared(turn), ...row, ...lists, timers_cleared: cleared } as unknown as TurnRow] as const;
    }),
  );
  return new Map(rows);
}
