/** Backpressure: how many inputs may wait, for a conversation, a creator and this process. Over the cap is a typed refusal, never a longer queue. */
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';

/** The caps, in inputs that wait for their turn. */
export const waitingCaps = { conversation: 200, creator: 2_000, process: 20_000 } as const;

/** Lets inputs in while there is room. */
export interface Admission {
  /**
   * Takes a place for one input; the result gives it back and must be called once.
   *
   * @param inConversation how many wait in its conversation already
   * @throws AppError OVERLOADED with `details.retry_after_ms` and `details.scope`, the cap that was met
   */
  enter(creatorId: CreatorId, inConversation: number): () => void;
}

/** Counts of this process. A creator that waits for nothing has no entry. */
export function createAdmission(caps: Readonly<Record<keyof typeof waitingCaps, number>> = waitingCaps): Admission {
  const byCreator = new Map<CreatorId, number>();
  let all = 0;
  return {
    enter(creatorId, inConversation) {
      const ofCreator = byCreator.get(creatorId) ?? 0;
      if (inConversation >= caps.conversation) throw refusal('conversation');
      if (ofCreator >= caps.creator) throw refusal('creator');
      if (all >= caps.process) throw refusal('process');
      byCreator.set(creatorId, ofCreator + 1);
      all += 1;
      return () => {
        const left = (byCreator.get(creatorId) ?? 1) - 1;
        if (left === 0) byCreator.delete(creatorId);
        else byCreator.set(creatorId, left);
        all -= 1;
      };
    },
  };
}

function refusal(scope: keyof typeof waitingCaps): AppError {
  return new AppError('OVERLOADED', 'Too much waits here; try again in a moment', { details: { scope, retry_after_ms: 1_000 } });
}
