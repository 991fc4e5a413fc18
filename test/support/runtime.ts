/** The real runtime over a test database: mailboxes, programs and pumps, with a clock that is turned by hand and answers that are scripted. */
import { createEffectPump, type EffectPump } from '../../src/actors/effects.ts';
import type { ConversationKey, Mailboxes } from '../../src/actors/input.ts';
import { createPrograms } from '../../src/actors/live-programs.ts';
import { createMailboxes } from '../../src/actors/mailboxes.ts';
import type { Pump } from '../../src/actors/pump.ts';
import { answerRunner } from '../../src/actors/run-answer.ts';
import { pushRunner } from '../../src/actors/run-push.ts';
import { sendRunner } from '../../src/actors/run-send.ts';
import { createTellPrograms } from '../../src/actors/tell-programs.ts';
import { createTimerPump } from '../../src/actors/timers.ts';
import { createTurns } from '../../src/actors/turn.ts';
import { createWakeUps, type WakeUps } from '../../src/actors/wake-ups.ts';
import type { WarmTier } from '../../src/actors/warm.ts';
import type { Answer, AnswerRequest, Answers } from '../../src/answers.ts';
import type { Database } from '../../src/database.ts';
import type { Deliveries } from '../../src/deliveries.ts';
import { type ContactId, type ConversationId, type CreatorId, type Ids, type ProgramId, type SessionId, systemIds } from '../../src/ids.ts';
import type { Log } from '../../src/log.ts';
import { contentHash } from '../../src/programs/hash.ts';
import type { Push } from '../../src/push.ts';
import type { FanOut } from '../../src/shared/fan-out.ts';
import { createMemoryFanOut } from '../../src/shared/memory.ts';
import { openConversation } from '../../src/store/conversations.ts';
import { addVersion, createDraft, setLive } from '../../src/store/programs.ts';
import { type ManualClock, manualClock } from './clock.ts';
import { sleepReset } from './example.ts';
import { quietLog } from './quiet-log.ts';

/** 20 October 2026, 20:00 UTC. */
export const evening = Date.UTC(2026, 9, 20, 20);

export interface TestRuntime {
  clock: ManualClock;
  wakeUps: WakeUps;
  mailboxes: Mailboxes;
  /** As the turns of the node hear them. */
  hearSessions(news: unknown): void;
  timers: Pump;
  effects: EffectPump;
  /** Questions asked so far; each is answered by `script`. */
  asked: AnswerRequest[];
  stop(): Promise<void>;
}

/** A node over a database. Pumps are made but not started. `script` answers, `nine hours` unless told. */
export function makeRuntime(
  db: Database,
  options: {
    clock?: ManualClock;
    ids?: Ids;
    fanOut?: FanOut;
    hotConversations?: number;
    warm?: WarmTier;
    log?: Log;
    script?: Answers['answer'];
    send?: Deliveries['send'];
    showTyping?: Deliveries['showTyping'];
    push?: Push;
    /** As `createTurns` takes it. */
    transcribeMs?: number;
    /** Runners beside those of answers and messages. */
    runners?: Parameters<typeof createEffectPump>[0]['runners'];
  } = {},
): TestRuntime {
  const clock = options.clock ?? manualClock(evening);
  const fanOut = options.fanOut ?? createMemoryFanOut(() => undefined);
  const asked: AnswerRequest[] = [];
  const answers: Answers = {
    answer(request, signal, onDelta) {
      asked.push(request);
      return (options.script ?? nineHours)(request, signal, onDelta);
    },
  };
  const deliveries = { send: options.send ?? (async ({ seq }) => ({ outcome: 'sent', providerId: `p${seq}` })) };
  const parts = { db, clock, log: options.log ?? quietLog, fanOut };
  const hotConversations = options.hotConversations ?? Number(process.env.HOT_CONVERSATIONS ?? 100);
  const turns = createTurns({
    ...parts,
    ids: options.ids ?? systemIds,
    programs: createPrograms({ ...parts, forgets: process.env.HOT_CONVERSATIONS === '0' }),
    hotConversations,
    transcribeMs: options.transcribeMs ?? null,
    ...(options.warm ? { warm: options.warm } : {}),
    onCommitted({ creatorId, conversationId }, aftermath) {
      const { planned, cancelled, nextDueAt, moved } = aftermath;
      wakeUps.tell(aftermath);
      if (planned) effects.wake();
      for (const id of cancelled) effects.abort(id);
      if (nextDueAt !== null) timers.wake(clock.wallUntil(nextDueAt));
      // Whoever is not told meets the change with the next turn.
      if (moved) tell(creatorId, [moved], conversationId).catch(() => undefined);
    },
  });
  const mailboxes = createMailboxes(turns);
  const tell = createTellPrograms({ db, mailboxes });
  const timers = createTimerPump({ ...parts, mailboxes });
  const effects = createEffectPump({
    ...parts,
    runners: {
      answer: answerRunner({ ...parts, answers, showTyping: options.showTyping ?? (async () => undefined) }),
      send: sendRunner(deliveries),
      ...(options.push ? { push: pushRunner(options.push) } : {}),
      ...options.runners,
    },
    mailboxes,
  });
  const wakeUps = createWakeUps({ ...parts, nodeId: systemIds.uuid(), timers, effects });
  return {
    clock,
    wakeUps,
    mailboxes,
    hearSessions: turns.hearSessions,
    timers,
    effects,
    asked,
    async stop() {
      await timers.stop();
      await effects.stop();
    },
  };
}

const nineHours: Answers['answer'] = async () => answerOf('Nine hours.');

/** A grounded answer without citations. */
export function answerOf(text: string): Answer {
  return { text, citations: [], grounded: true, degraded: false, model: 'test', promptVersion: '1' };
}

/** Publishes a definition and sets it live. */
export async function publish(db: Database, creatorId: CreatorId, definition: unknown = sleepReset): Promise<ProgramId> {
  const id = systemIds.uuid<ProgramId>();
  const { meta } = definition as { meta: { id: string } };
  await createDraft(db, creatorId, { id, slug: meta.id, definition, at: evening });
  await addVersion(db, creatorId, id, { definition, hash: contentHash(definition as never), at: evening });
  await setLive(db, creatorId, id, 1, evening);
  return id;
}

/** Opens a conversation, in the widget unless told. */
export async function openTestConversation(db: Database, creatorId: CreatorId, channel = 'widget'): Promise<ConversationKey> {
  const conversationId = systemIds.uuid<ConversationId>();
  const sessionId = systemIds.uuid<SessionId>();
  await openConversation(db, {
    creatorId,
    sessionId,
    conversationId,
    contactId: systemIds.uuid<ContactId>(),
    channel,
    externalId: sessionId,
    at: evening,
  });
  return { creatorId, conversationId };
}
