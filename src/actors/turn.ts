/** A turn: conversation hydrated, inputs stepped, everything committed as one transaction, and only then anyone told. */
import type { Clock } from '../clock.ts';
import { counterOf } from '../counter.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { type FanOut, readSessionNews } from '../shared/fan-out.ts';
import { mayBeDone } from '../store/sql-state.ts';
import { commitTurns, loadConversations, setAside, type TurnRow } from '../store/turns.ts';
import { announce, announceAgain } from './announce.ts';
import { createBatcher } from './batcher.ts';
import type { Conversation } from './conversation.ts';
import { createHotTier } from './hot.ts';
import { afterCommit, hydrate, type Taken, turnRow } from './hydrate.ts';
import type { ConversationKey, Input, InputResult } from './input.ts';
import type { Programs } from './live-programs.ts';
import { quarantine, receive } from './receive.ts';
import { SnapshotError } from './snapshot.ts';
import { type ChangedContact, isNewsOfContact } from './tell-programs.ts';
import { noWarmTier, type WarmTier } from './warm.ts';

/** What a committed turn leaves to do: effects to run or abort, a timer to wake for (conversation time, milliseconds), a contact to tell of. */
export interface TurnAftermath {
  planned: boolean;
  cancelled: readonly string[];
  nextDueAt: number | null;
  /** The contact whose zone or fields the turn has changed: other conversations of theirs may count from them. */
  moved: ChangedContact | null;
}

/** An input that waits for its turn, and who waits for its result. */
export interface Waiting {
  input: Input;
  resolve: (result: InputResult) => void;
  reject: (error: unknown) => void;
}

/** The turns of this process. */
export interface Turns {
  /** Takes inputs of one conversation to their end, in order: each is resolved once durable, or rejected. Never rejects itself. */
  settle(key: ConversationKey, batch: readonly Waiting[]): Promise<void>;
  /** Takes SessionNews, as heard on `sessionsTopic`, and lets go of whatever conversations it names: they may have been erased. */
  hearSessions(news: unknown): void;
}

interface Parts {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  fanOut: FanOut;
  programs: Programs;
  /** Hears of every committed turn; must not throw. */
  onCommitted(key: ConversationKey, aftermath: TurnAftermath): void;
  /** Where conversations are looked for that are not in memory, before the record. Default nowhere. */
  warm?: WarmTier;
  /** How many conversations stay in memory while they are in use; 0 restores each from the record every time. Default 5 000. */
  hotConversations?: number;
  /** How long a voice note may take to be put into words, in milliseconds of wall time; null, the default, where nobody does that. */
  transcribeMs?: number | null;
}

/** Lost races in a row before a turn gives up; each means that somebody else moved on. */
const mostRaces = 16;
/** Tries of an input that fails for a reason nobody knows, before it is put in quarantine. */
const mostTries = 3;

/** How an input is taken: into the program, or, as a last resort, only onto the record. */
type Take = typeof receive;

/** The turns of this process, over one record. */
export function createTurns(parts: Parts): Turns {
  const { db, clock, log, warm = noWarmTier, transcribeMs = null } = parts;
  // What whoever operates the server is alarmed by.
  const setAsides = counterOf('companero_conversations_set_aside_total', 'Conversations set aside because they could not be read');
  const hot = createHotTier(clock, parts.hotConversations ?? 5_000);
  const fair = { most: 256, few: 16, lanes: 2, clock };
  const commit = createBatcher((rows: readonly TurnRow[]) => commitTurns(db, rows), { ...fair, shareOf: (row) => row.creator });
  const load = createBatcher((keys: readonly ConversationKey[]) => loadInOrder(db, keys), { ...fair, shareOf: (key) => key.creatorId });

  /** One that nothing but time has stirred goes back to sleep: a herd of timers would drive out those in which people talk. */
  function keep(conversation: Conversation, waiting: readonly Waiting[]): void {
    if (!hot.has(conversation.id) && waiting.every(({ input }) => input.kind === 'timer')) return;
    hot.keep(conversation);
    warm.keep(conversation);
  }

  /** What was in memory, here or warm, has turned out to be old. */
  function forget(key: ConversationKey): void {
    hot.drop(key.conversationId);
    warm.drop(key);
  }

  async function find(key: ConversationKey): Promise<Conversation> {
    const known = hot.get(key);
    if (known) return known;
    const left = await warm.find(key);
    if (left) {
      hot.keep(left);
      return left;
    }
    const row = await load(key);
    if (!row) throw new AppError('NOT_FOUND', 'Conversation not found');
    if (row.conversation.status === 'set-aside') throw isSetAside();
    return hydrate(row);
  }

  /** One try: hydrate, step, commit. Gives what is still to be done. */
  async function attempt(key: ConversationKey, waiting: readonly Waiting[], take: Take): Promise<readonly Waiting[]> {
    const before = await find(key);
    const taken = await takeAll(before, waiting, take);
    const row = turnRow(before, taken, { now: clock.now(), wall: clock.wall() }, parts.ids);
    const committed = await commit(row);
    if (committed.outcome === 'committed') {
      const after = afterCommit(before, taken);
      keep(after, waiting);
      announce(parts, before, after, taken, row);
      parts.onCommitted(key, aftermathOf(before, after, row));
      for (const [index, one] of waiting.entries()) one.resolve((taken[index] as Taken).stepping.result);
      return [];
    }
    forget(key);
    if (committed.outcome === 'conflict') return waiting;
    const { known } = committed;
    const repeated = waiting.filter(({ input }) => input.id in known);
    announceAgain(parts.fanOut, key);
    parts.onCommitted(key, { planned: true, cancelled: [], nextDueAt: null, moved: null });
    for (const one of repeated) one.resolve(known[one.input.id] as InputResult);
    return waiting.filter((one) => !repeated.includes(one));
  }

  async function takeAll(before: Conversation, waiting: readonly Waiting[], take: Take): Promise<Taken[]> {
    const taken: Taken[] = [];
    const listensUntil = transcribeMs === null ? undefined : clock.wall() + transcribeMs;
    let conversation = before;
    for (const { input } of waiting) {
      const programs = await parts.programs.around(conversation);
      const stepping = take(conversation, input, {
        ...programs,
        now: clock.now(),
        generation: before.version + 1,
        watch: true,
        listensUntil,
      });
      if (stepping.trace.error !== undefined) {
        log.warn('input.quarantined', { creator_id: before.creatorId, conversation_id: before.id, input_kind: input.kind });
      }
      taken.push({ input, stepping });
      conversation = stepping.next;
    }
    return taken;
  }

  /** Races are lost until they are won; any other failure ends it and is given with what is left. */
  async function race(key: ConversationKey, batch: readonly Waiting[], take: Take): Promise<{ left: readonly Waiting[]; error: unknown }> {
    let left = batch;
    let lostReplies = 0;
    for (let races = 0; left.length > 0 && races < mostRaces; races += 1) {
      try {
        left = await attempt(key, left, take);
      } catch (error) {
        forget(key);
        // A reply of the database that was lost may stand for a commit that happened: the next try finds its inputs on record.
        const mayGoOn = isLostRace(error) || (mayBeDone(error) && lostReplies++ === 0);
        if (!mayGoOn) return { left, error };
      }
    }
    return { left, error: left.length > 0 ? busy() : null };
  }

  async function settle(key: ConversationKey, batch: readonly Waiting[]): Promise<void> {
    const { left, error } = await race(key, withoutRepeats(batch), receive);
    if (left.length === 0) return;
    if (isDamage(error)) await putAside(key, error);
    if (isDamage(error) || error instanceof AppError) {
      const answer = isDamage(error) ? isSetAside() : error;
      for (const one of left) one.reject(answer);
      return;
    }
    // Something in one of them cannot be committed: alone, the others go through.
    for (const one of left) await settleAlone(key, one, error);
  }

  async function settleAlone(key: ConversationKey, one: Waiting, first: unknown): Promise<void> {
    let error = first;
    for (let tries = 1; tries <= mostTries; tries += 1) {
      log.error('turn.failed', error, {
        creator_id: key.creatorId,
        conversation_id: key.conversationId,
        input_kind: one.input.kind,
        tries,
      });
      const tried = await race(key, [one], tries < mostTries ? receive : quarantine);
      if (tried.left.length === 0) return;
      error = tried.error;
    }
    one.reject(error);
  }

  /** What cannot be read is kept as it is, out of everybody's way, until somebody has looked at it. */
  async function putAside(key: ConversationKey, error: unknown): Promise<void> {
    log.error('conversation.set-aside', error, { creator_id: key.creatorId, conversation_id: key.conversationId });
    setAsides.inc();
    await setAside(db, key).catch((failure) => log.error('conversation.set-aside.failed', failure, { creator_id: key.creatorId }));
  }

  function hearSessions(heard: unknown): void {
    const news = readSessionNews(heard);
    if (news === null) return;
    for (const { creatorId, id: conversationId } of hot.values()) {
      if (creatorId === news.creator_id && (news.all || news.conversation_ids.includes(conversationId)))
        forget({ creatorId, conversationId });
    }
  }

  return { settle, hearSessions };
}

function aftermathOf(before: Conversation, after: Conversation, row: TurnRow): TurnAftermath {
  const dues = (row.timers_set ?? []).map((timer) => Date.parse(timer.due_at));
  return {
    planned: row.effects !== undefined,
    cancelled: (row.effects_ended ?? []).filter((end) => end.status === 'cancelled').map((end) => end.id),
    nextDueAt: dues.length > 0 ? Math.min(...dues) : null,
    moved: isMoved(before, after, row) ? { id: after.contactId, version: after.contactVersion } : null,
  };
}

/** What only answers the news of a change is none that others must hear of, or two programs could go on telling each other. */
function isMoved({ contact: before }: Conversation, { contact: after }: Conversation, { inputs }: TurnRow): boolean {
  return (before.zone !== after.zone || before.fields !== after.fields) && inputs.some(({ id }) => !isNewsOfContact(id));
}

const busy = () =>
  new AppError('OVERLOADED', 'Too many turns at once in this conversation', { details: { scope: 'conversation', retry_after_ms: 1_000 } });
const isSetAside = () => new AppError('CONFLICT', 'This conversation is set aside until it has been looked at');
const isDamage = (error: unknown) => error instanceof SnapshotError || (error instanceof AppError && error.code === 'INVALID_PROGRAM');

/** Deadlock and serialisation failure (PostgreSQL, appendix A): the database chose another transaction to win. */
function isLostRace(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === '40P01' || code === '40001';
}

/** An id that waits twice is taken once; the repetition hears the same. */
function withoutRepeats(batch: readonly Waiting[]): readonly Waiting[] {
  if (batch.length === 1) return batch;
  const first = new Map<string, Waiting>();
  for (const one of batch) {
    const known = first.get(one.input.id);
    first.set(one.input.id, known ? both(known, one) : one);
  }
  return [...first.values()];
}

function both(first: Waiting, second: Waiting): Waiting {
  return {
    input: first.input,
    resolve(result) {
      first.resolve(result);
      second.resolve(result);
    },
    reject(error) {
      first.reject(error);
      second.reject(error);
    },
  };
}

async function loadInOrder(db: Database, keys: readonly ConversationKey[]) {
  const rows = await loadConversations(db, keys);
  const byId = new Map(rows.map((row) => [row.conversation.id, row]));
  return keys.map((key) => byId.get(key.conversationId));
}
