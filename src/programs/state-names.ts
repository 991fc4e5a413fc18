/** States in words, as a conversation is said to be in: `week.day`, parallel parts joined by a comma. */
import type { Json } from './scope.ts';

/** Whether the program is in a state or one within it; parallel parts are named one by one. */
export function isWithin(state: string | null, wanted: string | undefined): boolean {
  if (wanted === undefined) return true;
  if (state === null) return false;
  return state === wanted || activeParts(state).some((part) => part === wanted || part.startsWith(`${wanted}.`));
}

/** The paths of a state in words: `week.day`, `left.a,right.b` → `left.a`, `right.b`. */
function activeParts(state: string): string[] {
  return state.split(',');
}

/** The whole paths of the innermost active states of a state value of XState: `{both: {left: 'a', right: 'b'}}` → `both.left.a`, `both.right.b`. */
export function innermost(value: Json | undefined): string[] {
  if (typeof value === 'string') return [value];
  return Object.entries((value ?? {}) as Record<string, Json>).flatMap(([key, inner]) => {
    const within = innermost(inner);
    return within.length === 0 ? [key] : within.map((path) => `${key}.${path}`);
  });
}
