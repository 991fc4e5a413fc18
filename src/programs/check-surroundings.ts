/** Checks a program against what else its creator has: programs that it starts, secrets that it sends. */
import type { Definition } from './definition.ts';
import { type Finding, warning } from './finding.ts';
import { actionsOf, placesOf } from './walk.ts';

/** What else a creator has. */
export interface Around {
  /** Live programs, those that the checked one may start among them. */
  others: readonly Definition[];
  /** The names of secrets. */
  secrets: readonly string[];
}

/** Where a program names another one: the pointer and the name. */
function programsIn({ machine }: Definition): { pointer: string; name: string }[] {
  return placesOf(machine).flatMap((place) => {
    const started = actionsOf(place).flatMap(({ action, pointer }) =>
      action.type === 'startProgram' ? [{ pointer: `${pointer}/params/program`, name: action.params.program }] : [],
    );
    const { invoke } = place.state;
    return invoke?.src === 'program' && invoke.input
      ? [...started, { pointer: `${place.pointer}/invoke/input/program`, name: invoke.input.program }]
      : started;
  });
}

/** The definitions among `live` that a program may come to start, itself or through another. */
export function reachablePrograms(definition: Definition, live: readonly Definition[]): readonly Definition[] {
  const reached = new Map<string, Definition>();
  const open = [definition];
  for (let next = open.pop(); next; next = open.pop()) {
    for (const { name } of programsIn(next)) {
      const found = name === definition.meta.id || reached.has(name) ? undefined : live.find(({ meta }) => meta.id === name);
      if (!found) continue;
      reached.set(name, found);
      open.push(found);
    }
  }
  return [...reached.values()];
}

/** Programs and secrets that are not there: what names them goes the way of errors until they are. */
export function checkSurroundings(definition: Definition, { others, secrets }: Around): readonly Finding[] {
  const known = new Set([definition.meta.id, ...others.map(({ meta }) => meta.id)]);
  return [
    ...programsIn(definition)
      .filter(({ name }) => !known.has(name))
      .map(({ pointer, name }) => warning('unknown-name', pointer, `No program "${name}" is live: nothing is started until there is one`)),
    ...placesOf(definition.machine).flatMap(({ state: { invoke }, pointer }) => {
      const secret = invoke?.src === 'http' ? invoke.input?.secret : undefined;
      if (secret === undefined || secrets.includes(secret)) return [];
      const words = `There is no secret "${secret}": the call fails until there is one`;
      return [warning('unknown-name', `${pointer}/invoke/input/secret`, words)];
    }),
  ];
}
