/** Mailboxes and turns: inputs of a conversation in order, hydrated, stepped, and committed as one transaction before anyone is told. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { ConversationNews } from '../message.ts';
import { conversationTopic, type FanOut } from '../shared/fan-out.ts';
import { commitTurns, loadConversations, type TurnOutcome, type TurnRow } from '../store/turns.ts';
import { createBatcher } from './batcher.ts';
import type { Conversation } from './conversation.ts';
import { afterCommit, hydrate, type Taken, turnRow } from './hydrate.ts';
import type { ConversationKey, Input, InputResult, Mailboxes } from './input.ts';
import type { Programs } from './live-programs.ts';
import { receive } from './receive.ts';

/** What a committed turn leaves to do: effects to run or abort, a timer to wake for (conversation time, milliseconds). */
export interface TurnAftermath {
  planned: boolean;
  cancelled: readonly string[];
  nextDueAt: number | null;
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
  /** How many conversations stay in memory after their turn; 0 restores each from the record every time. */
  hotConversations?: number;
}

interface Waiting {
  input: Input;
  resolve: (result: InputResult) => void;
  reject: (error: unknown) => void;
}

/** Inputs that may wait in one conversation's mailbox. */
const mailboxSize = 200;
/** Inputs that may share one commit. */
const turnSize = 32;
/** Lost races and lost replies in a row before a turn gives up; each means that somebody else moved on. */
const mostTries = 8;

/** The mailboxes of this process. */
export function createMailboxes(parts: Parts): Mailboxes {
  const { db, clock, log } = parts;
  const mailboxes = new Map<string, Waiting[]>();
  const hot = new Map<string, Conversation>();
  const hotSize = parts.hotConversations ?? 5_000;
  const commit = createBatcher((rows: readonly TurnRow[]) => commitSorted(db, rows), { most: 256, lanes: 2 });
  const load = createBatcher((keys: readonly ConversationKey[]) => loadInOrder(db, keys), { most: 256, lanes: 2 });

  function keep(conversation: Conversation): void {
    hot.delete(conversation.id);
    hot.set(conversation.id, conversation);
    if (hot.size > hotSize) hot.delete(hot.keys().next().value ?? '');
  }

  async function find(key: ConversationKey): Promise<Conversation> {
    const known = hot.get(key.conversationId);
    if (known?.creatorId === key.creatorId) return known;
    const row = await load(key);
    if (!row) throw new AppError('NOT_FOUND', 'Conversation not found');
    return hydrate(row);
  }

  /** One try: hydrate, step, commit. Gives what is still to be done. */
  async function attempt(key: ConversationKey, waiting: readonly Waiting[]): Promise<readonly Waiting[]> {
    const before = await find(key);
    const taken = await takeAll(before, waiting);
    const row = turnRow(before, taken, clock.now(), parts.ids);
    const committed = await commit(row);
    if (committed.outcome === 'committed') {
      const after = afterCommit(before, taken);
      keep(after);
      announce(key, before, after, row);
      showTyping(key, Math.max(...taken.map(({ stepping }) => stepping.typingMs)));
      for (const [index, one] of waiting.entries()) one.resolve((taken[index] as Taken).stepping.result);
      return [];
    }
    hot.delete(key.conversationId);
    if (committed.outcome === 'conflict') {
      log.info('turn.conflict', { creator_id: key.creatorId, conversation_id: key.conversationId });
      return waiting;
    }
    const { known } = committed;
    const repeated = waiting.filter(({ input }) => input.id in known);
    for (const one of repeated) one.resolve(known[one.input.id] as InputResult);
    return waiting.filter((one) => !repeated.includes(one));
  }

  async function takeAll(before: Conversation, waiting: readonly Waiting[]): Promise<Taken[]> {
    const live = await parts.programs.live(before.creatorId);
    const taken: Taken[] = [];
    let conversation = before;
    for (const { input } of waiting) {
      const current = conversation.program && (await parts.programs.pinned(before.creatorId, conversation.program));
      const stepping = receive(conversation, input, { now: clock.now(), generation: before.version + 1, current, live });
      if (stepping.trace.error !== undefined) {
        log.warn('turn.failed', { creator_id: before.creatorId, conversation_id: before.id, input_kind: input.kind });
      }
      taken.push({ input, stepping });
      conversation = stepping.next;
    }
    return taken;
  }

  function announce(key: ConversationKey, before: Conversation, after: Conversation, row: TurnRow): void {
    const topic = conversationTopic(key.creatorId, key.conversationId);
    const tell = (news: ConversationNews) => parts.fanOut.publish(topic, JSON.stringify(news));
    for (const message of row.messages ?? []) tell({ type: 'message', message: message as never });
    if (after.contact.progress !== before.contact.progress) {
      const { points, streak, milestones } = after.contact.progress;
      tell({ type: 'progress', points, streak: streak.count, milestones: Object.keys(milestones) });
    }
    const dues = (row.timers_set ?? []).map((timer) => Date.parse(timer.due_at));
    parts.onCommitted(key, {
      planned: row.effects !== undefined,
      cancelled: (row.effects_ended ?? []).filter((end) => end.status === 'cancelled').map((end) => end.id),
      nextDueAt: dues.length > 0 ? Math.min(...dues) : null,
    });
  }

  function showTyping(key: ConversationKey, ms: number): void {
    if (ms === 0) return;
    const topic = conversationTopic(key.creatorId, key.conversationId);
    const tell = (on: boolean) => parts.fanOut.publish(topic, JSON.stringify({ type: 'typing', on } satisfies ConversationNews));
    tell(true);
    clock.after(ms, () => tell(false));
  }

  async function settle(key: ConversationKey, batch: readonly Waiting[]): Promise<void> {
    let waiting = batch;
    try {
      for (let tries = 0; waiting.length > 0; tries += 1) {
        if (tries === mostTries)
          throw new AppError('OVERLOADED', 'Too many turns at once in this conversation', { details: { retry_after_ms: 1_000 } });
        waiting = await attemptOnce(key, waiting, tries);
      }
    } catch (error) {
      hot.delete(key.conversationId);
      for (const one of waiting) one.reject(error);
    }
  }

  /** A reply of the database that was lost may stand for a commit that happened: the second try finds its inputs on record. */
  async function attemptOnce(key: ConversationKey, waiting: readonly Waiting[], tries: number): Promise<readonly Waiting[]> {
    try {
      return await attempt(key, waiting);
    } catch (error) {
      const lost = error instanceof AppError && error.code === 'UNAVAILABLE';
      if (!lost || tries > 0) throw error;
      hot.delete(key.conversationId);
      return waiting;
    }
  }

  async function work(name: string, key: ConversationKey, mailbox: Waiting[]): Promise<void> {
    while (mailbox.length > 0) await settle(key, withoutRepeats(mailbox.splice(0, turnSize)));
    mailboxes.delete(name);
  }

  return {
    deliver(key, input) {
      return new Promise((resolve, reject) => {
        const name = `${key.creatorId}:${key.conversationId}`;
        const mailbox = mailboxes.get(name);
        const waiting = { input, resolve, reject };
        if (mailbox && mailbox.length >= mailboxSize) {
          reject(new AppError('OVERLOADED', 'Too many messages wait in this conversation', { details: { retry_after_ms: 1_000 } }));
        } else if (mailbox) {
          mailbox.push(waiting);
        } else {
          const opened = [waiting];
          mailboxes.set(name, opened);
          // settle() rejects the waiting ones itself and never throws.
          void work(name, key, opened);
        }
      });
    },
  };
}

/** An id that waits twice is taken once; the repetition hears the same. */
function withoutRepeats(batch: readonly Waiting[]): Waiting[] {
  const first = new Map<string, Waiting>();
  for (const one of batch) {
    const known = first.get(one.input.id);
    first.set(
      one.input.id,
      known
        ? {
            input: known.input,
            resolve(result) {
              known.resolve(result);
              one.resolve(result);
            },
            reject(error) {
              known.reject(error);
              one.reject(error);
            },
          }
        : one,
    );
  }
  return [...first.values()];
}

async function commitSorted(db: Database, rows: readonly TurnRow[]): Promise<readonly TurnOutcome[]> {
  // Sorted, so that two batches lock rows in the same order.
  const order = rows
    .map((_, index) => index)
    .sort((a, b) => ((rows[a] as TurnRow).conversation < (rows[b] as TurnRow).conversation ? -1 : 1));
  const outcomes = await commitTurns(
    db,
    order.map((index) => rows[index] as TurnRow),
  );
  const answers: TurnOutcome[] = [];
  order.forEach((index, position) => {
    answers[index] = outcomes[position] as TurnOutcome;
  });
  return answers;
}

async function loadInOrder(db: Database, keys: readonly ConversationKey[]) {
  const rows = await loadConversations(db, keys);
  const byId = new Map(rows.map((row) => [row.conversation.id, row]));
  return keys.map((key) => byId.get(key.conversationId));
}
