import * as v from 'valibot';
import { expect, test } from 'vitest';
import { initialTransition } from 'xstate';
import example from '../../examples/sleep-reset.json' with { type: 'json' };
import { compile } from '../../src/programs/compile.ts';
import { definitionSchema } from '../../src/programs/definition.ts';
import { newContact } from '../../src/programs/scope.ts';

test('the example compiles and asks for the wake time first', () => {
  const program = compile(v.parse(definitionSchema, example));
  const scope = {
    now: Date.parse('2026-03-27T20:00:00Z'),
    contact: newContact('c' as never),
    vars: program.variables,
    conversation: { channel: 'widget', lastInboundAt: null, tries: 0 },
  };
  const [snapshot, actions] = initialTransition(program.machine, scope as never);
  expect(snapshot.value).toEqual({ program: 'start', control: 'bot', reply: 'idle' });
  expect(actions.map(({ type }) => type)).toEqual(['say', 'ask', 'xstate.raise']);
});
