/** What is known of a guard while a program is explored: by the time of silence, the channel, or an event whose values are all there are. */
import type { Definition } from './definition.ts';
import { createExpressions, ExpressionError } from './expressions.ts';
import type { Interval } from './intervals.ts';
import type { MachineEvent } from './program.ts';
import { newContact, type Scope } from './scope.ts';
import { namesOf, viewOf } from './view.ts';
import type { Guard } from './vocabulary.ts';

/** What a guard is judged by. */
export interface Evidence {
  silent: Interval;
  channel: string;
  event: MachineEvent;
  isExample: boolean;
}

const hourMs = 3_600_000;
/** How long WhatsApp takes free text after the contact wrote. */
export const windowMs = 24 * hourMs;

/** A judge of the guards of a definition: true or false where that is known, null where it has to be assumed. */
export function judgeIn(definition: Definition): (guard: Guard, evidence: Evidence) => boolean | null {
  const names = namesOf(definition);
  const expressions = createExpressions(names);
  const verdicts = new Map<string, boolean | null>();

  /** An expression that looks at nothing but the event gives the same for the same event. */
  function byEvent(source: string, event: MachineEvent): boolean | null {
    if (!looksOnlyAtEvent(source)) return null;
    const key = JSON.stringify([source, event]);
    const known = verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = evaluated(source, event);
    verdicts.set(key, verdict);
    return verdict;
  }

  function evaluated(source: string, event: MachineEvent): boolean | null {
    try {
      return expressions.evaluate(source, viewOf(names, definition, 'UTC', nobody, event)) === true;
    } catch (error) {
      if (error instanceof ExpressionError) return null;
      throw error;
    }
  }

  return (guard, { silent, channel, event, isExample }) => {
    if (guard.type === 'inWindow') return channel === 'whatsapp' ? lessThan(silent, windowMs) : true;
    if (guard.type === 'channelIs') return guard.params?.channel === channel;
    if (guard.type !== 'when' || guard.params === undefined) return null;
    const { expr } = guard.params;
    return bySilence(expr, silent) ?? (isExample ? null : byEvent(expr, event));
  };
}

const nobody: Scope = {
  now: 0,
  contact: newContact('' as Scope['contact']['id']),
  vars: {},
  conversation: { channel: '', lastInboundAt: null, tries: 0 },
};

function lessThan({ min, max }: Interval, limit: number): boolean | null {
  if (max < limit) return true;
  return min >= limit ? false : null;
}

function bySilence(source: string, silent: Interval): boolean | null {
  const match = /^\s*conversation\.hoursSilent\s*(<=?|>=?)\s*(\d{1,5}(?:\.\d+)?)\s*$/.exec(source);
  if (!match) return null;
  const less = lessThan(silent, Number(match[2]) * hourMs);
  return less === null ? null : (match[1] as string).startsWith('<') === less;
}

function looksOnlyAtEvent(source: string): boolean {
  const bare = source.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, "''");
  return /\bevent\b/.test(bare) && !/\b(?:contact|vars|now|program|conversation)\b/.test(bare);
}
