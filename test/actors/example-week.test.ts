import { describe, expect, it } from 'vitest';
import { makeDefinition, said, simulate, sleepReset } from '../support/example.ts';

const instants = (simulation: ReturnType<typeof simulate>, text: string) =>
  simulation.outbound().flatMap((message) => (message.body.text === text ? [new Date(message.at).toISOString()] : []));

describe('the example program on a virtual clock', () => {
  it('leads through seven nights in the zone of the contact, across the end of summer time', () => {
    const simulation = simulate();
    simulation.say('hello');
    simulation.say('7:00');
    for (let night = 0; night < 7; night += 1) {
      simulation.advance('next');
      simulation.press(night % 2 === 0 ? 'good' : 'bad');
    }
    const { status, outcome, state, contact } = simulation.conversation();
    expect({ status, outcome, state }).toEqual({ status: 'ended', outcome: 'completed', state: 'done' });
    expect(contact.progress).toMatchObject({ points: 40, badges: ['week'], streak: { count: 7 } });
    expect(said(simulation).at(-1)).toBe('Seven nights. You did it.');
    expect(instants(simulation, 'Good morning. How was your night?').slice(3, 5)).toEqual([
      '2026-10-24T06:30:00.000Z',
      '2026-10-25T07:30:00.000Z',
    ]);
  });

  it('greets by name where one is known', () => {
    const simulation = simulate(sleepReset, { name: 'Ana' });
    simulation.say('hi');
    expect(said(simulation)[0]).toBe('Welcome, Ana. For one week we look at your sleep together.');
  });

  it('asks again with the hint after an answer it does not understand, and takes the next one', () => {
    const simulation = simulate();
    simulation.say('hello');
    simulation.say('early');
    expect(said(simulation).at(-1)).toBe('A time such as 07:00');
    simulation.say('half past seven');
    expect(simulation.conversation().contact.fields).toEqual({ wakeTime: '07:30' });
    expect(simulation.conversation().state).toBe('asleep');
  });

  it('answers a question back from the documents and keeps its own question open', () => {
    const simulation = simulate();
    simulation.say('hello');
    simulation.say('why do you want to know?');
    expect(said(simulation).at(-1)).toBe('(an answer from the documents)');
    simulation.say('7');
    expect(simulation.conversation().state).toBe('asleep');
  });

  it('answers a message in the night through the invoke and goes back to sleep', () => {
    const simulation = simulate();
    simulation.say('hello');
    simulation.say('7:00');
    simulation.say('I cannot sleep');
    expect(said(simulation).at(-1)).toBe('(an answer from the documents)');
    expect(simulation.conversation().state).toBe('asleep');
  });

  it('lets a silent contact go after one reminder that quiet hours hold until the morning', () => {
    const simulation = simulate();
    simulation.say('sleep');
    simulation.say('7:00');
    simulation.advance('P3D');
    // Asked 21 October 06:30 UTC; 20 h later it is 03:30 in Lisbon, quiet until 06:30 local, which is 05:30 UTC.
    expect(instants(simulation, 'I missed you yesterday. Shall we go on?')).toEqual(['2026-10-22T05:30:00.000Z']);
    const { status, outcome } = simulation.conversation();
    expect({ status, outcome }).toEqual({ status: 'ended', outcome: 'lost' });
  });

  it('drops a held reminder when its state was left before the morning', () => {
    const simulation = simulate();
    simulation.say('sleep');
    simulation.say('7:00');
    simulation.advance('PT31H');
    expect(simulation.conversation().state).toBe('missed');
    simulation.say('here I am');
    simulation.advance('PT4H');
    expect(said(simulation)).not.toContain('I missed you yesterday. Shall we go on?');
  });

  it('keeps its own test: a silent contact hears five messages at most', () => {
    const simulation = simulate(sleepReset, { zone: 'Africa/Maputo' });
    simulation.say('sleep');
    simulation.say('7:00');
    simulation.advance('P2D');
    expect(simulation.outbound().length).toBeLessThanOrEqual(5);
  });

  it('enters again by its keyword after the end', () => {
    const simulation = simulate();
    simulation.say('sleep');
    simulation.say('7:00');
    simulation.advance('P4D');
    expect(simulation.conversation().status).toBe('ended');
    simulation.say('Sleep!');
    expect(simulation.conversation().status).toBe('active');
    expect(simulation.conversation().state).toBe('start');
  });

  it('takes a typed title or number for the button', () => {
    for (const words of ['good', ' GOOD ', '1']) {
      const simulation = simulate();
      simulation.say('sleep');
      simulation.say('7:00');
      simulation.advance('next');
      simulation.say(words);
      expect(simulation.conversation().contact.progress.points).toBe(10);
    }
  });

  it('skips a second check on the same local day and says why', () => {
    const delays = { ...sleepReset.delays, nextMorning: { for: 'PT2H' } };
    const simulation = simulate(makeDefinition({ delays }), {}, Date.UTC(2026, 9, 20, 8));
    simulation.say('sleep');
    simulation.say('7:00');
    simulation.advance('PT2H');
    simulation.press('good');
    simulation.advance('PT2H');
    expect(simulation.outbound().filter((message) => message.class === 'nudge')).toHaveLength(1);
    const decisions = simulation.transcript().flatMap((line) => ('decisions' in line ? line.decisions : []));
    expect(decisions.at(-1)).toEqual({ content: 'check', class: 'nudge', do: 'skip', reason: 'cap of 1 nudge per P1D reached' });
  });
});
