/** The effect pump: runs what committed turns have planned, under a lease, and brings each result back as an input. */
import type { Answer, Answers } from '../answers.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Log } from '../log.ts';
import type { ConversationNews } from '../message.ts';
import { conversationTopic, type FanOut } from '../shared/fan-out.ts';
import {
  type ClaimedEffect,
  claimEffects,
  extendLease,
  nextEffect,
  type PlannedEffect,
  postponeEffect,
  readEffect,
} from '../store/turns.ts';
import type { AnswerParams } from './conversation.ts';
import { historyOf } from './history.ts';
import type { ConversationKey, EffectResult, Mailboxes } from './input.ts';
import { createPump, type Pump } from './pump.ts';

/** Pumps effects, and stops those whose result no longer counts. */
export interface EffectPump extends Pump {
  /** Stops an effect that runs here; one that runs elsewhere brings a result that counts for nothing. */
  abort(effectId: string): void;
}

const leaseMs = 30_000;
/** An answer that takes longer than this counts as failed; a program's own time limit usually comes first. */
const mostMs = 120_000;
const mostTries = 3;
const retryMs = 2_000;
const mostAtOnce = 16;

export function createEffectPump(parts: {
  db: Database;
  clock: Clock;
  log: Log;
  fanOut: FanOut;
  answers: Answers;
  mailboxes: Mailboxes;
}): EffectPump {
  const { db, clock, log, mailboxes } = parts;
  const running = new Map<string, AbortController>();

  async function run(claimed: ClaimedEffect): Promise<void> {
    const abort = new AbortController();
    running.set(claimed.id, abort);
    const stopExtending = keepLease(claimed, abort);
    try {
      const effect = await readEffect(db, claimed);
      if (effect) await conclude(claimed, effect, abort.signal);
    } catch (error) {
      log.error('effect.undelivered', error, { creator_id: claimed.creator_id, effect_id: claimed.id });
    } finally {
      stopExtending();
      running.delete(claimed.id);
      pump.wake();
    }
  }

  /** Runs it once and brings the result home; a failure is tried again until the tries are used up. */
  async function conclude(claimed: ClaimedEffect, effect: PlannedEffect, signal: AbortSignal): Promise<void> {
    const key = { creatorId: claimed.creator_id, conversationId: claimed.conversation_id };
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(mostMs)]);
    try {
      const answer = await answerAloud(key, claimed.id, effect.params as AnswerParams, deadline);
      await bringHome(key, claimed.id, 'done', { answer });
    } catch (error) {
      if (signal.aborted) return;
      log.error('effect.failed', error, { creator_id: claimed.creator_id, effect_id: claimed.id, attempts: effect.attempts });
      if (effect.attempts < mostTries) await postponeEffect(db, claimed, clock.wall() + retryMs * 2 ** effect.attempts);
      else await bringHome(key, claimed.id, 'failed', { reason: 'unavailable' });
    }
  }

  async function bringHome(key: ConversationKey, effectId: string, outcome: 'done' | 'failed', result: EffectResult): Promise<void> {
    await mailboxes.deliver(key, { id: `effect:${effectId}`, kind: 'effect', effectId, outcome, result });
  }

  /** Streams the answer to whoever listens; only the result goes on record. */
  async function answerAloud(key: ConversationKey, effectId: string, params: AnswerParams, signal: AbortSignal): Promise<Answer> {
    const topic = conversationTopic(key.creatorId, key.conversationId);
    const tell = (news: ConversationNews) => parts.fanOut.publish(topic, JSON.stringify(news));
    tell({ type: 'typing', on: true });
    try {
      const history = await historyOf(db, key);
      return await parts.answers.answer(
        {
          creatorId: key.creatorId,
          question: params.text || (history.findLast((said) => said.role === 'contact')?.text ?? ''),
          history,
          language: params.language,
          instructions: params.instructions,
          collections: null,
        },
        signal,
        (text) => tell({ type: 'delta', reply: effectId, text }),
      );
    } finally {
      tell({ type: 'typing', on: false });
    }
  }

  /** Extends the lease while the effect runs; the result stops that. */
  function keepLease(claimed: ClaimedEffect, abort: AbortController): () => void {
    let cancel = clock.after(leaseMs / 3, extend);
    function extend(): void {
      cancel = clock.after(leaseMs / 3, extend);
      extendLease(db, claimed, clock.wall() + leaseMs).then(
        (held) => held || abort.abort(new Error('Effect has ended elsewhere')),
        (error) => log.error('effect.lease', error, { creator_id: claimed.creator_id, effect_id: claimed.id }),
      );
    }
    return () => cancel();
  }

  async function round(): Promise<number | null> {
    const room = mostAtOnce - running.size;
    if (room <= 0) return null;
    for (const claimed of await claimEffects(db, clock.wall(), leaseMs, room, null)) void run(claimed);
    const next = await nextEffect(db);
    return next === null ? null : Math.max(0, next - clock.wall());
  }

  const pump = createPump('effects', round, { clock, log });
  return {
    ...pump,
    async stop() {
      await pump.stop();
      for (const abort of running.values()) abort.abort(new Error('Node stops'));
    },
    abort(effectId) {
      running.get(effectId)?.abort(new Error('Superseded'));
    },
  };
}
