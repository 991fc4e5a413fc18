/** Runs an `event` effect: tells the creator's webhooks what a program has to say to them. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { tellWebhooks } from '../store/program-events.ts';
import type { EventParams } from './conversation.ts';
import type { RunEffect } from './effects.ts';

/** The runner of `event`. The effect's id goes with it, so that who hears it twice can tell. */
export function eventRunner({ db, clock }: { db: Database; clock: Clock }): RunEffect {
  return async ({ key, effectId, params }) => {
    const { event, data } = params as EventParams;
    const told = { ...data, id: effectId, conversation_id: key.conversationId, at: new Date(clock.now()).toISOString() };
    await tellWebhooks(db, key.creatorId, event, told);
    return { outcome: 'done', result: {} };
  };
}
