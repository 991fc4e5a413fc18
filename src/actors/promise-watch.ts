/** Watches a run for promises that are broken: in service turn by turn, and in tests and lives before anybody is in it. */
import { ExpressionError } from '../programs/expressions.ts';
import type { Program } from '../programs/program.ts';
import type { Moment, Promised } from '../programs/promises.ts';
import { addDuration } from '../programs/schedule.ts';
import type { Scope } from '../programs/scope.ts';
import { isWithin } from '../programs/state-names.ts';
import { type Stepping, scopeAt } from './conversation.ts';
import type { PromiseMemory } from './snapshot.ts';

/** A broken promise: which, and why in words. */
export interface Breach {
  promise: string;
  problem: string;
}

/** A run after a turn, as promises see it: `said` holds the contents that went out. */
export interface Sight {
  state: string | null;
  said: readonly string[];
  scope: Scope;
}

/** Nothing is due, nothing was broken. */
export const noPromises: PromiseMemory = { due: {}, lasting: [], broken: [] };

/** Holds what is seen against every promise of a program; each is broken once. */
export function judgePromises(
  program: Program,
  memory: PromiseMemory,
  sight: Sight,
): { memory: PromiseMemory; breaches: readonly Breach[] } {
  const next = { due: { ...memory.due }, lasting: new Set(memory.lasting) };
  const breaches: Breach[] = [];
  for (const promise of program.definition.promises ?? []) {
    if (memory.broken.includes(promise.id)) continue;
    const problem = judge(program, promise, next, sight);
    if (problem === null) continue;
    breaches.push({ promise: promise.id, problem });
    delete next.due[promise.id];
  }
  const broken = [...memory.broken, ...breaches.map(({ promise }) => promise)];
  return { memory: { due: next.due, lasting: [...next.lasting], broken }, breaches };
}

/** Why a promise is broken now; null when it is not. What has become due, and what lasts, is noted. */
function judge(
  program: Program,
  promise: Promised,
  next: { due: Record<string, number>; lasting: Set<string> },
  sight: Sight,
): string | null {
  const { now } = sight.scope;
  const comesNow = (moment: Moment) => isMoment(program, moment, sight);
  if ('never' in promise) return comesNow(promise.never) ? `What must never be is so in "${sight.state ?? 'no state'}"` : null;
  const { id } = promise;
  const deadline = next.due[id];
  if (deadline !== undefined && now > deadline) return late(promise);
  // A moment that lasts is one moment.
  const isNow = comesNow(promise.after);
  const isNew = isNow && !next.lasting.has(id);
  if (isNow) next.lasting.add(id);
  else next.lasting.delete(id);
  if (comesNow(promise.comes)) delete next.due[id];
  else if (isNew && deadline === undefined) next.due[id] = addDuration(now, promise.within, program.zoneOf(sight.scope));
  return null;
}

const late = ({ within }: { within: string }) => `What must come within ${within} does not come in time`;

function isMoment(program: Program, { state, says, holds }: Moment, sight: Sight): boolean {
  if (!isWithin(sight.state, state)) return false;
  if (says !== undefined && !sight.said.includes(says)) return false;
  return holds === undefined || isTrue(program, holds, sight.scope);
}

function isTrue(program: Program, expression: string, scope: Scope): boolean {
  try {
    return program.evaluate(expression, scope, { type: 'PROMISE' }) === true;
  } catch (error) {
    if (error instanceof ExpressionError) return false;
    throw error;
  }
}

/** The contents that went out. */
export function saidIn(decisions: readonly { content: string; do: string }[]): readonly string[] {
  return decisions.flatMap((decision) => (decision.do === 'send' ? [decision.content] : []));
}

/** Hears turns and tells what they break. Times in milliseconds since 1970. */
export interface PromiseWatch {
  turn(stepping: Stepping, now: number): void;
  /** What was broken until now; what still had to come by then is broken too. */
  breaches(now: number): readonly Breach[];
}

/** A watch over the promises of a program, for one conversation. */
export function watchPromises(program: Program): PromiseWatch {
  const found: Breach[] = [];
  let memory = noPromises;
  return {
    turn(stepping, now) {
      const { next, trace } = stepping;
      const judged = judgePromises(program, memory, { state: next.state, said: saidIn(trace.decisions), scope: scopeAt(next, now) });
      memory = judged.memory;
      found.push(...judged.breaches);
    },
    breaches(now) {
      const overdue = (program.definition.promises ?? []).flatMap((promise) => {
        const deadline = memory.due[promise.id];
        return 'within' in promise && deadline !== undefined && now > deadline ? [{ promise: promise.id, problem: late(promise) }] : [];
      });
      return [...found, ...overdue];
    },
  };
}
