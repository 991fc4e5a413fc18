import { expect, it } from 'vitest';
import { rehearse, scriptStart } from '../../src/actors/rehearse.ts';
import { compile } from '../../src/programs/compile.ts';
import { makeDefinition, sleepReset } from '../support/example.ts';

const saying = (times: number) => {
  const praise = { type: 'say', params: { content: 'praise' } } as const;
  const { states } = sleepReset.machine;
  return compile(
    makeDefinition({
      machine: {
        ...sleepReset.machine,
        states: { ...states, help: { entry: new Array(times).fill(praise), after: { helpLimit: 'asleep' } } },
      },
    }),
  );
};
const steps = [{ say: 'sleep' }, { say: '7:00' }, { say: 'now' }];

it('sends twenty messages on one input', () => {
  expect(rehearse(saying(20), { persona: {}, start: scriptStart, steps }).simulation.outbound()).toHaveLength(22);
});

it('takes an input that would bring more into quarantine and says one thing', () => {
  const { simulation } = rehearse(saying(21), { persona: {}, start: scriptStart, steps });
  expect(simulation.outbound()).toHaveLength(3);
  expect(simulation.conversation().state).toBe('asleep');
  expect(simulation.transcript().at(-1)).toMatchObject({ as: 'quarantined', error: 'Cannot send more than 20 messages on one input' });
});
