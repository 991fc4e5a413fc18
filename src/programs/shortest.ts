/** The shortest transcript of a way through a program, as an exploration found it: in the words of the program itself. */
import type { Assumption } from './abstract-machine.ts';
import type { Definition } from './definition.ts';
import { type Leg, pathTo } from './explore.ts';
import { spanInWords } from './intervals.ts';

/** The lines of the shortest way to a leg, each with the time since the beginning. */
export function shortestTranscript(definition: Definition, leg: Leg): readonly string[] {
  let elapsed = 0;
  return pathTo(leg).flatMap((step) => {
    // The contact is taken to write at once, a timer to take as long as it may.
    if (!step.stimulus.byContact) elapsed += Number.isFinite(step.stimulus.after.max) ? step.stimulus.after.max : 0;
    const at = `+${spanInWords(elapsed)}`;
    return linesOf(definition, step).map((line) => `${at}  ${line}`);
  });
}

function linesOf(definition: Definition, { stimulus, outcome }: Leg): string[] {
  const states = outcome.deeds.flatMap((deed) => (deed.kind === 'entered' && deed.path !== '' ? [deed.path] : []));
  return [
    stimulus.words,
    ...outcome.assumed.map((assumption) => `if ${inWords(assumption)}`),
    ...outcome.deeds.flatMap((deed) => {
      if (deed.kind !== 'did' || (deed.action.type !== 'say' && deed.action.type !== 'ask')) return [];
      return [`coach: ${textOf(definition, deed.action.params.content)}`];
    }),
    ...(states.length > 0 ? [`→ ${states.at(-1)}`] : []),
  ];
}

function textOf(definition: Definition, content: string): string {
  const text = definition.content[content]?.[definition.meta.languages[0] ?? '']?.text ?? content;
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

function inWords({ guard, value }: Assumption): string {
  const params = ('params' in guard ? guard.params : {}) as Record<string, unknown>;
  const words = guard.type === 'when' ? String(params.expr) : [guard.type, ...Object.values(params).map(String)].join(' ');
  return value ? words : `not ${words}`;
}
