import { describe, expect, it } from 'vitest';
import { initialTransition, transition } from 'xstate';
import { compile } from '../../src/programs/compile.ts';
import { controlTable, replyTable } from '../../src/programs/regions.ts';
import { newContact } from '../../src/programs/scope.ts';
import { sleepReset } from '../support/example.ts';

const program = compile(sleepReset);
const [initial] = initialTransition(program.machine, {
  now: 0,
  contact: newContact('x' as never),
  vars: program.variables,
  conversation: { channel: 'widget', lastInboundAt: null, tries: 0 },
});

/** The machine in a state of one region, after an event. */
function after(region: 'control' | 'reply', state: string, type: string): unknown {
  const value = { ...(initial.value as object), [region]: state };
  const [next] = transition(program.machine, program.machine.resolveState({ value, context: initial.context }), { type });
  return (next.value as Record<string, unknown>)[region];
}

const cells = (table: Record<string, Record<string, string>>) =>
  Object.entries(table).flatMap(([state, row]) => Object.entries(row).map(([event, next]) => [state, event, next] as const));

describe('the control region (R1)', () => {
  it.each(cells(controlTable))('%s × %s → %s', (state, event, next) => {
    expect(after('control', state, `CONTROL.${event}`)).toBe(next);
  });
});

describe('the reply region (R2)', () => {
  const types: Record<string, string> = {
    start: 'REPLY.start',
    cancel: 'REPLY.cancel',
    done: 'xstate.done.actor.reply',
    error: 'xstate.error.actor.reply',
  };
  it.each(cells(replyTable))('%s × %s → %s', (state, event, next) => {
    expect(after('reply', state, types[event] ?? '')).toBe(next);
  });
});
