/** Voice notes that are being put into words: what is said meanwhile waits, so that the program hears everything in the order it came. */
import type { Draft } from './draft.ts';
import type { Input } from './input.ts';
import { planEffect } from './invoking.ts';

type Of<Kind extends Input['kind']> = Extract<Input, { kind: Kind }>;

/** What the contact has said and the program not heard yet. `effect`: what puts it into words, null for what needs none or has ended. */
export interface Unheard {
  effect: string | null;
  input: Of<'message' | 'button'>;
}

/** The most that waits: with one more, everything is heard as it is. */
const mostUnheard = 10;

/**
 * Keeps what cannot be heard yet: a voice note until its words have come, and what is said after one. False for what can be heard at once.
 * It is on record already.
 */
export function waitsForWords(draft: Draft, input: Unheard['input']): boolean {
  if (input.again) return false;
  const { listening = [] } = draft.snapshot;
  const isFull = listening.length >= mostUnheard;
  const effect = isFull ? null : planWords(draft, input);
  if (effect === null && listening.length === 0) return false;
  draft.snapshot.listening = [...listening, { effect, input }];
  if (isFull) stopListening(draft);
  draft.as = 'listening';
  return true;
}

/** Plans putting a voice note into words; null for anything else, for one with words of its own, and where nobody does that. */
function planWords(draft: Draft, input: Unheard['input']): string | null {
  const until = draft.surroundings.listensUntil;
  if (until === undefined || input.kind !== 'message' || input.text.trim() !== '') return null;
  const recordings = (input.attachments ?? []).filter(({ kind }) => kind === 'audio').map(({ id }) => id);
  if (recordings.length === 0) return null;
  const { language } = draft.contact;
  return planEffect(draft, { type: 'transcribe', lane: 'transcribe', params: { seq: draft.seq, recordings, language, until } });
}

function stopListening(draft: Draft): void {
  const { listening = [] } = draft.snapshot;
  for (const { effect } of listening) if (effect !== null) draft.effectsEnded.push({ id: effect, status: 'cancelled', result: null });
  draft.snapshot.listening = listening.map((one) => ({ ...one, effect: null }));
}

/**
 * Takes what putting a voice note into words has come to; without words it is heard as it was recorded. False where nothing waits for it, and
 * nobody gives it another try.
 */
export function takeWords(draft: Draft, { id, effectId, outcome, result, again }: Of<'effect'>): boolean {
  const { listening = [] } = draft.snapshot;
  const waiting = listening.find(({ effect }) => effect === effectId);
  const text = outcome === 'done' ? (result.words ?? '') : '';
  if (waiting?.input.kind !== 'message') {
    if (!again || text === '') return false;
    draft.snapshot.listening = [{ effect: null, input: { id, kind: 'message', messageId: '', text } }, ...listening];
    return true;
  }
  const heard: Unheard = { effect: null, input: { ...waiting.input, text } };
  draft.snapshot.listening = listening.map((one) => (one === waiting ? heard : one));
  draft.as = `transcribe.${outcome}`;
  return true;
}

/** The next that can be heard, taken out of what waits; it is on record already. Null where nothing waits, or the first waits for its words. */
export function nextHeard(draft: Draft): Unheard['input'] | null {
  const [first, ...others] = draft.snapshot.listening ?? [];
  if (first === undefined || first.effect !== null) return null;
  draft.snapshot.listening = others.length > 0 ? others : undefined;
  return { ...first.input, again: true };
}

/** Lets go of a voice note that cannot be heard, and of what had waited for it alone: it must not fail every input after this one. */
export function giveUpListening(draft: Draft, effectId: string): boolean {
  const { listening = [] } = draft.snapshot;
  const place = listening.findIndex(({ effect }) => effect === effectId);
  if (place < 0) return false;
  const others = listening.slice(place + 1);
  const next = others.findIndex(({ effect }) => effect !== null);
  const kept = [...listening.slice(0, place), ...(next < 0 ? [] : others.slice(next))];
  draft.snapshot.listening = kept.length > 0 ? kept : undefined;
  return true;
}
