/** Walks a machine: every state with its path and pointer, its transitions in order, and every action and guard in it. */
import type { MachineDefinition, StateDefinition, TransitionDefinition, Transitions } from './definition.ts';
import { pointerTo } from './finding.ts';
import type { Action, Guard } from './vocabulary.ts';

/** A state where it stands. The creator's root has an empty path. */
export interface Place {
  state: StateDefinition;
  path: readonly string[];
  pointer: string;
}

/** A way out of a state. `event` is the event's name, or `after`, `always`, `done`, `error` for the rest. */
export interface Way {
  event: string;
  transition: TransitionDefinition;
  pointer: string;
  /** Whether an earlier transition for the same event is taken whatever happens. */
  shadowed: boolean;
}

/** Every state, the root first, parents before children. */
export function placesOf(machine: MachineDefinition): readonly Place[] {
  const places: Place[] = [{ state: machine, path: [], pointer: '/machine' }];
  for (const { state, path, pointer } of places) {
    for (const [name, inner] of Object.entries(state.states ?? {})) {
      places.push({ state: inner, path: [...path, name], pointer: pointer + pointerTo('states', name) });
    }
  }
  return places;
}

/** Every way out of a state, in the order in which XState tries them. */
export function waysOf({ state, pointer }: Place): readonly Way[] {
  const named = (part: 'on' | 'after', event: (name: string) => string) =>
    Object.entries(state[part] ?? {}).flatMap(([name, to]) => ways(event(name), to, pointer + pointerTo(part, name)));
  return [
    ...named('on', (name) => name),
    ...named('after', () => 'after'),
    ...ways('always', state.always, `${pointer}/always`),
    ...ways('done', state.onDone, `${pointer}/onDone`),
    ...ways('done', state.invoke?.onDone, `${pointer}/invoke/onDone`),
    ...ways('error', state.invoke?.onError, `${pointer}/invoke/onError`),
  ];
}

function ways(event: string, to: Transitions | undefined, pointer: string): Way[] {
  if (to === undefined) return [];
  if (typeof to === 'string') return [{ event, transition: { target: to }, pointer, shadowed: false }];
  if (!Array.isArray(to)) return [{ event, transition: to as TransitionDefinition, pointer, shadowed: false }];
  const list = to as readonly TransitionDefinition[];
  const sure = list.findIndex((transition) => transition.guard === undefined);
  return list.map((transition, index) => ({
    event,
    transition,
    pointer: `${pointer}/${index}`,
    shadowed: sure >= 0 && index > sure,
  }));
}

/** An action where it stands; `to` is the target of the transition it stands on. */
export interface ActionPlace {
  action: Action;
  pointer: string;
  on: 'entry' | 'exit' | 'transition';
  to: string | undefined;
}

/** Every action of a state and its ways. */
export function actionsOf(place: Place): readonly ActionPlace[] {
  const { state, pointer } = place;
  const list = (actions: readonly Action[] | undefined, at: string, on: ActionPlace['on'], to?: string) =>
    (actions ?? []).map((action, index) => ({ action, pointer: `${at}/${index}`, on, to }));
  return [
    ...list(state.entry, `${pointer}/entry`, 'entry'),
    ...list(state.exit, `${pointer}/exit`, 'exit'),
    ...waysOf(place).flatMap((way) => list(way.transition.actions, `${way.pointer}/actions`, 'transition', way.transition.target)),
  ];
}

/** Every guard of the ways out of a state. */
export function guardsOf(place: Place): readonly { guard: Guard; pointer: string }[] {
  return waysOf(place).flatMap(({ transition, pointer }) =>
    transition.guard === undefined ? [] : [{ guard: transition.guard, pointer: `${pointer}/guard` }],
  );
}
