/** The turnstile before the turns: how many of one creator are under way at a time, so that its flood fills no queue that others stand in. */
import type { CreatorId } from '../ids.ts';

/** Turns of one creator under way at a time. Enough to keep both lanes of commits busy; what is over waits where it is in nobody's way. */
const mostOfCreator = 128;

/**
 * Of turns that a timer began. They read their conversation first, and while some read too few would be left to commit: measured on two
 * cores, a herd passes half as fast again as through 128, and others wait half as long again meanwhile.
 */
export const mostOfHerd = 192;

/** Lets turns pass, those of a creator in the order they came. */
export interface Turnstile {
  /** Resolves when the turn may begin; null when it may at once. Each pass ends with `leave`. */
  enter(creatorId: CreatorId): Promise<void> | null;
  /** The turn has ended. */
  leave(creatorId: CreatorId): void;
}

/** A turnstile of this process. A creator with nothing under way has no entry. */
export function createTurnstile(most = mostOfCreator): Turnstile {
  const creators = new Map<CreatorId, { passed: number; waiting: (() => void)[] }>();
  return {
    enter(creatorId) {
      const creator = creators.get(creatorId);
      if (creator === undefined) creators.set(creatorId, { passed: 1, waiting: [] });
      else if (creator.passed < most) creator.passed += 1;
      else return new Promise((resolve) => creator.waiting.push(resolve));
      return null;
    },
    leave(creatorId) {
      const creator = creators.get(creatorId);
      const next = creator?.waiting.shift();
      // Whoever waited passes in the place of who has left.
      if (creator === undefined || next !== undefined) return next?.();
      creator.passed -= 1;
      if (creator.passed === 0) creators.delete(creatorId);
    },
  };
}
