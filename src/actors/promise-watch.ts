/** Watches the turns of a conversation for promises that are broken. */
import { ExpressionError } from '../programs/expressions.ts';
import type { Program } from '../programs/program.ts';
import type { Moment, Promised } from '../programs/promises.ts';
import { addDuration } from '../programs/schedule.ts';
import type { Scope } from '../programs/scope.ts';
import type { Stepping } from './conversation.ts';
import { isWithin } from './rehearse.ts';

/** A broken promise: which, and why in words. */
export interface Breach {
  promise: string;
  problem: string;
}

/** Hears turns and tells what they break. Times in milliseconds since 1970. */
export interface PromiseWatch {
  turn(stepping: Stepping, now: number): void;
  /** What was broken until now; what still had to come by then is broken too. */
  breaches(now: number): readonly Breach[];
}

/** A watch over the promises of a program, for one conversation. */
export function watchPromises(program: Program): PromiseWatch {
  const promises = program.definition.promises ?? [];
  const broken = new Map<string, string>();
  const due = new Map<string, number>();
  const before = new Map<string, boolean>();

  function judge(promise: Promised, stepping: Stepping, now: number): void {
    const comesNow = (moment: Moment) => isMoment(program, moment, stepping, now);
    if ('never' in promise) {
      if (comesNow(promise.never)) broken.set(promise.id, `What must never be is so in "${stepping.next.state ?? 'no state'}"`);
      return;
    }
    const deadline = due.get(promise.id);
    if (deadline !== undefined && now > deadline) late(promise.id, promise.within);
    const isNew = begins(promise.id, comesNow(promise.after));
    if (comesNow(promise.comes)) due.delete(promise.id);
    else if (isNew && !due.has(promise.id)) {
      due.set(promise.id, addDuration(now, promise.within, program.zoneOf(scopeOf(stepping, now))));
    }
  }

  /** A moment that lasts is one moment. */
  function begins(id: string, isNow: boolean): boolean {
    const wasBefore = before.get(id) ?? false;
    before.set(id, isNow);
    return isNow && !wasBefore;
  }

  function late(id: string, within: string): void {
    broken.set(id, `What must come within ${within} does not come in time`);
    due.delete(id);
  }

  return {
    turn(stepping, now) {
      for (const promise of promises) if (!broken.has(promise.id)) judge(promise, stepping, now);
    },
    breaches(now) {
      for (const promise of promises) {
        const deadline = due.get(promise.id);
        if ('within' in promise && deadline !== undefined && now > deadline) late(promise.id, promise.within);
      }
      return [...broken].map(([promise, problem]) => ({ promise, problem }));
    },
  };
}

function isMoment(program: Program, { state, says, holds }: Moment, stepping: Stepping, now: number): boolean {
  if (!isWithin(stepping.next.state, state)) return false;
  if (says !== undefined && !stepping.trace.decisions.some((decision) => decision.content === says && decision.do === 'send')) return false;
  return holds === undefined || isTrue(program, holds, scopeOf(stepping, now));
}

function isTrue(program: Program, expression: string, scope: Scope): boolean {
  try {
    return program.evaluate(expression, scope, { type: 'PROMISE' }) === true;
  } catch (error) {
    if (error instanceof ExpressionError) return false;
    throw error;
  }
}

function scopeOf({ next }: Stepping, now: number): Scope {
  return {
    now,
    contact: next.contact,
    vars: next.snapshot.machine?.vars ?? {},
    conversation: {
      channel: next.channel,
      lastInboundAt: next.snapshot.lastInboundAt,
      tries: next.snapshot.question?.tries ?? 0,
    },
  };
}
