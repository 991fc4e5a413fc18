/** One simulated history: nodes that crash, calls that get lost, clients that repeat themselves, and a clock that jumps; then peace, and what must be true of it. */
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import { createWarmTier } from '../../src/actors/warm.ts';
import type { Database } from '../../src/database.ts';
import type { ContactId, ConversationId, CreatorId, SessionId } from '../../src/ids.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { openConversation } from '../../src/store/conversations.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';
import { makeDefinition, sleepReset } from '../support/example.ts';
import { quietLog } from '../support/quiet-log.ts';
import { evening, makeRuntime, type TestRuntime } from '../support/runtime.ts';
import { createLedger, type Ledger, mark, nudgesADay } from './ledger.ts';
import { createRandom, type Random } from './random.ts';
import { createWires, type Fate, type Wires } from './wires.ts';

/** What a message does while an answer is under way: each with creators of its own. */
const policies = ['merge', 'latest', 'queue', 'drop'] as const;

/** The example with days of minutes, so that timers fall due, are cleared and armed again all the time; by policy of replies. */
export const restless = policies.map((whileReplying) =>
  makeDefinition({
    delays: {
      ...sleepReset.delays,
      nextMorning: { for: 'PT40S', whileHuman: 'pause' },
      noReply: { for: 'PT2M', whileHuman: 'keep' },
      helpLimit: { for: 'PT60S', whileHuman: 'drop' },
    },
    policies: { unmatched: 'answer', whileReplying, caps: { nudge: { max: nudgesADay, per: 'P1D' } } },
  }),
);

export interface HistoryOptions {
  /** Steps of trouble before peace. */
  steps: number;
  /** Every snapshot restored from the record on every turn. */
  cold: boolean;
}

/** What a history saw, so that a run can say that it was not idle. */
export interface Seen {
  inputs: number;
  crashes: number;
  outages: number;
  lostReplies: number;
  answers: number;
  timersFired: number;
  /** Answers that came when nobody waited for them any more. */
  superseded: number;
}

interface Client {
  key: ConversationKey;
  sent: { input: Input; acked: boolean; after: number }[];
  /** The highest seq acked so far. */
  heard: number;
}

interface World {
  random: Random;
  clock: ManualClock;
  wires: Wires;
  ledger: Ledger;
  nodes: { id: number; runtime: TestRuntime }[];
  clients: Client[];
  seen: Seen;
  start(): void;
}

/**
 * @param creators one with each program of `restless` live; the history opens conversations of its own with two of them and removes them
 * @throws Error that names the first broken invariant, or what else failed, and the command that runs the history again
 */
export async function runHistory(db: Database, creators: readonly CreatorId[], seed: number, options: HistoryOptions): Promise<Seen> {
  const world = makeWorld(db, seed, options);
  // Two to four, by the seed: one number is enough to run a history again.
  const nodes = 2 + (seed % 3);
  const complain = (when: string) => {
    const [first] = world.ledger.broken();
    if (first) throw new Error(`${when}: ${first}`);
  };
  try {
    const [one, other] = [0, 1].map((n) => creators[(seed + n) % creators.length]) as [CreatorId, CreatorId];
    await openClient(db, world, one, 'widget');
    await openClient(db, world, one, 'telegram', `person ${seed}`);
    // The same person again.
    await openClient(db, world, one, 'telegram', `person ${seed}`);
    await openClient(db, world, other, 'widget');
    for (let node = 0; node < nodes; node += 1) world.start();
    for (let step = 0; step < options.steps; step += 1) {
      await trouble(world);
      await flush();
      complain(`step ${step}`);
    }
    await peace(world);
    complain('peace');
    await compareWithRecord(db, world);
    complain('record');
    return world.seen;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Seed ${seed}, ${why}\nAgain with: ${commandOf(seed, options)}`, { cause: error });
  } finally {
    for (const { id } of world.nodes) world.wires.cut(id);
    for (const { key } of world.clients) {
      await db.tenant(key.creatorId, async (sql) => {
        await sql('delete from conversations where id = $1', [key.conversationId]);
        await sql('delete from contacts c where not exists (select from conversations v where v.contact_id = c.id)');
      });
    }
  }
}

function makeWorld(db: Database, seed: number, options: HistoryOptions): World {
  const random = createRandom(seed);
  const clock = manualClock(evening);
  const ledger = createLedger();
  const wires = createWires(db, ledger);
  const cache = createMemoryCache(clock);
  // What nodes leave to one another in a shared cache, which may be old.
  const warm = seed % 5 < 2;
  let started = 0;
  const world: World = {
    random,
    clock,
    wires,
    ledger,
    nodes: [],
    clients: [],
    seen: { inputs: 0, crashes: 0, outages: 0, lostReplies: 0, answers: 0, timersFired: 0, superseded: 0 },
    start() {
      started += 1;
      const runtime = makeRuntime(wires.database(started), {
        clock,
        ids: random.ids,
        ...(options.cold ? { hotConversations: 0 } : {}),
        ...(warm ? { warm: createWarmTier({ cache: wires.cache(started, cache), clock, log: quietLog }) } : {}),
        script: wires.answers(started),
        send: wires.send(started),
      });
      runtime.timers.start();
      runtime.effects.start();
      world.nodes.push({ id: started, runtime });
    },
  };
  return world;
}

async function openClient(db: Database, world: World, creatorId: CreatorId, channel: string, person?: string): Promise<void> {
  const { ids } = world.random;
  const conversationId = ids.uuid<ConversationId>();
  const sessionId = ids.uuid<SessionId>();
  const opening = { creatorId, sessionId, conversationId, contactId: ids.uuid<ContactId>(), channel, externalId: person ?? sessionId };
  const { contactId } = await openConversation(db, { ...opening, at: evening });
  world.ledger.open(conversationId, creatorId, contactId);
  world.clients.push({ key: { creatorId, conversationId }, sent: [], heard: 0 });
}

const words = ['hello', '7:00', '7:00', 'why so early?', 'good', 'and how?', 'STOP', 'start', 'bad', 'sleep', 'restart'];
const jumpsMs = [1_000, 6_000, 45_000, 45_000, 130_000, 43_200_000];

/** One thing that happens: mostly a call that ends, well or not. */
async function trouble(world: World): Promise<void> {
  const { random, wires } = world;
  const dice = random.next();
  if (dice < 0.58 && wires.calls.length > 0) await endCall(world, random.pick(wires.calls), random.next());
  else if (dice < 0.76) send(world, random.pick(world.clients));
  else if (dice < 0.83) repeat(world, random.pick(world.clients));
  else if (dice < 0.87) fireLate(world, random.pick(world.clients));
  else if (dice < 0.96) world.clock.advance(random.pick(jumpsMs));
  else if (dice < 0.98) await outage(world);
  else await crash(world);
}

/** The record can be read and takes no turn, for longer than any claim or lease lasts: what is due is claimed, and given up undelivered. */
async function outage(world: World): Promise<void> {
  world.seen.outages += 1;
  for (let gone = 0; gone < 60_000; gone += 5_000) {
    for (const call of [...world.wires.calls]) await call.end(call.what === 'commit' ? 'refused' : 'done');
    world.clock.advance(5_000);
    await flush();
  }
}

/** A timer that a pump claimed long ago arrives only now, whatever has become of it. */
function fireLate(world: World, { key }: Client): void {
  const armed = world.ledger.entry(key.conversationId).everArmed;
  if (armed.length === 0) return;
  const { id: timerId, generation, dueAt } = world.random.pick(armed);
  if (dueAt > world.clock.now()) return;
  const { runtime } = world.random.pick(world.nodes);
  // Nobody waits for a timer's result; a pump that failed claims it again.
  runtime.mailboxes
    .deliver(key, { id: `timer:${timerId}:${generation}`, kind: 'timer', timerId, generation, dueAt })
    .catch(() => undefined);
}

async function endCall(world: World, call: Wires['calls'][number], dice: number): Promise<void> {
  const fate: Fate = dice < 0.75 ? 'done' : dice < 0.85 ? 'refused' : 'reply lost';
  if (fate === 'reply lost') world.seen.lostReplies += 1;
  if (call.what === 'answer' && fate === 'done') world.seen.answers += 1;
  await call.end(fate);
}

async function crash(world: World): Promise<void> {
  const node = world.random.pick(world.nodes);
  world.wires.cut(node.id);
  world.nodes = world.nodes.filter((other) => other !== node);
  world.seen.crashes += 1;
  // What it had sent still arrives, or does not.
  for (const call of world.wires.calls.filter(({ node: of }) => of === node.id)) {
    if (world.random.chance(0.5)) await call.end('reply lost');
    else world.wires.calls.splice(world.wires.calls.indexOf(call), 1);
  }
  world.start();
}

function makeInput(world: World, client: Client): Input {
  const { random } = world;
  const id = random.ids.uuid();
  const dice = random.next();
  if (dice < 0.1)
    return { id: `c:${id}`, kind: 'control', act: random.pick(['takeover', 'takeover', 'release', 'pause', 'resume', 'restart'] as const) };
  if (dice < 0.13) return { id: `e:${id}`, kind: 'event', name: 'poke', data: {} };
  if (dice < 0.2) {
    const offer = world.ledger.entry(client.key.conversationId).snapshot?.offer;
    return { id: `msg:${id}`, kind: 'button', messageId: id, messageSeq: offer?.seq ?? 1, button: 'good' };
  }
  const word = random.pick(words);
  const text = word.endsWith('?') ? `${mark(client.key.creatorId)} ${id.slice(-4)} ${word}` : word;
  return { id: `msg:${id}`, kind: 'message', messageId: id, text };
}

function send(world: World, client: Client): void {
  const sent = { input: makeInput(world, client), acked: false, after: client.heard };
  client.sent.push(sent);
  world.seen.inputs += 1;
  deliver(world, client, sent);
}

/** What was not acked is sent again, to any node; what was acked sometimes too. */
function repeat(world: World, client: Client): void {
  const open = client.sent.filter(({ acked }) => !acked);
  const from = open.length > 0 && world.random.chance(0.8) ? open : client.sent;
  if (from.length > 0) deliver(world, client, world.random.pick(from));
}

function deliver(world: World, client: Client, sent: Client['sent'][number]): void {
  const { id: node, runtime } = world.random.pick(world.nodes);
  world.ledger.onDelivery(client.key.conversationId, node, sent.input.id);
  runtime.mailboxes.deliver(client.key, sent.input).then(
    (result) => {
      world.ledger.onAck(client.key.conversationId, sent.input.id, result);
      world.ledger.demand(
        result.seq === null || result.seq > sent.after,
        `I3: ${sent.input.id} was sent after seq ${sent.after} was acked and got ${result.seq}`,
      );
      sent.acked = true;
      client.heard = Math.max(client.heard, result.seq ?? 0);
    },
    // Refused or lost: the client will send it again.
    () => world.ledger.onRefusal(client.key.conversationId, node, sent.input.id),
  );
}

/** No more trouble: every call ends well, every client repeats itself until it is heard, the clock goes on. */
async function peace(world: World): Promise<void> {
  const began = world.clock.now();
  for (let round = 0; round < 2_000; round += 1) {
    await flush();
    const [call] = world.wires.calls;
    if (call) {
      if (call.what === 'answer') world.seen.answers += 1;
      await call.end('done');
      continue;
    }
    const waiting = world.clients.flatMap((client) => client.sent.flatMap((sent) => (sent.acked ? [] : [{ client, sent }])));
    const open = world.clients.some(({ key }) =>
      [...world.ledger.entry(key.conversationId).effects.values()].some(({ status }) => status === 'planned'),
    );
    if (waiting.length === 0 && !open && dueSince(world, began).length === 0) return;
    for (const { client, sent } of waiting) deliver(world, client, sent);
    world.clock.advance(waiting.length > 0 ? 1_000 : 35_000);
  }
  const unheard = world.clients.flatMap(({ sent }) => sent.filter(({ acked }) => !acked).map(({ input }) => input.id));
  const open = world.clients.flatMap(({ key }) =>
    [...world.ledger.entry(key.conversationId).effects].filter(([, { status }]) => status === 'planned'),
  );
  world.ledger.demand(unheard.length === 0, `I1: ${unheard} is never taken`);
  world.ledger.demand(open.length === 0, `I4: ${JSON.stringify(open)} never ends`);
  const due = dueSince(world, began);
  world.ledger.demand(due.length === 0, `I7: ${due} is due and never fires`);
  world.ledger.demand(false, `No peace: ${world.wires.calls.length} calls under way`);
}

/** Timers that were due then and are armed still. */
function dueSince({ clients, ledger }: World, at: number): string[] {
  return clients.flatMap(({ key }) => [...ledger.entry(key.conversationId).timers].flatMap(([id, { dueAt }]) => (dueAt <= at ? [id] : [])));
}

/** The ledger and the tables say the same. */
async function compareWithRecord(db: Database, world: World): Promise<void> {
  for (const { key, sent } of world.clients) {
    const of = world.ledger.entry(key.conversationId);
    const [row] = await db.tenant(key.creatorId, (sql) =>
      sql<Record<string, unknown>>(
        `select c.version, c.seq, (select count(*)::int from messages m where m.conversation_id = c.id) as messages,
           (select count(distinct m.seq)::int from messages m where m.conversation_id = c.id) as seqs,
           (select coalesce(jsonb_agg(i.input_id order by i.input_id), '[]') from inputs i where i.conversation_id = c.id) as inputs,
           (select coalesce(jsonb_object_agg(e.id, e.status), '{}') from effects e where e.conversation_id = c.id) as effects,
           (select count(*)::int from inputs i where i.conversation_id = c.id and i.trace ->> 'as' = 'superseded') as superseded,
           (select coalesce(jsonb_object_agg(t.timer_id, t.generation), '{}') from timers t where t.conversation_id = c.id) as timers
         from conversations c where c.id = $1`,
        [key.conversationId],
      ),
    );
    const expected = {
      version: of.version,
      seq: of.seq,
      messages: of.seq,
      seqs: of.seq,
      inputs: [...of.inputs.keys()].sort(),
      effects: Object.fromEntries([...of.effects].map(([id, { status }]) => [id, status])),
      timers: Object.fromEntries([...of.timers].map(([id, { generation }]) => [id, generation])),
    };
    const { superseded, ...rest } = row ?? {};
    world.seen.superseded += Number(superseded);
    const found = { ...rest, inputs: [...((row?.inputs ?? []) as string[])].sort() };
    const canonical = (value: unknown) =>
      JSON.stringify(value, (_key, inner) => (isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort()) : inner));
    const isSame = canonical(found) === canonical(expected);
    world.ledger.demand(isSame, `The record differs: ${canonical(found)} instead of ${canonical(expected)}`);
    for (const { input } of sent) world.ledger.demand(of.inputs.has(input.id), `I1: ${input.id} is not on record`);
    world.seen.timersFired += [...of.inputs.keys()].filter((id) => id.startsWith('timer:')).length;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function commandOf(seed: number, { steps, cold }: HistoryOptions): string {
  return `npm run simulate -- --seed ${seed} --count 1 --steps ${steps} --${cold ? 'cold' : 'no-cold'}`;
}

/** Lets everything go on that waits for nothing. */
async function flush(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await new Promise((resolve) => setImmediate(resolve));
}
