/** Checks calendar and progress: what they count from, the events that they send, and the states that they look at. */
import { placeOf } from './changes.ts';
import type { Definition } from './definition.ts';
import { type Finding, pointerTo, problem } from './finding.ts';
import { actionsOf, type Place } from './walk.ts';

/** Everything about calendar points, milestones, points rules, levels, and events of theirs that a machine waits for. */
export function checkCalendar(definition: Definition, places: readonly Place[]): readonly Finding[] {
  return [...checkPoints(definition), ...checkProgress(definition, places), ...places.flatMap((place) => checkEvents(definition, place))];
}

function checkPoints(definition: Definition): readonly Finding[] {
  return Object.entries(definition.calendar ?? {}).flatMap(([id, point]) => {
    const pointer = pointerTo('calendar', id);
    return [
      ...('field' in point ? declared(definition, `contact.${point.field}`, ['date', 'datetime'], `${pointer}/field`) : []),
      ...('milestone' in point && !Object.hasOwn(definition.progress?.milestones ?? {}, point.milestone)
        ? [problem('unknown-name', `${pointer}/milestone`, `There is no milestone "${point.milestone}"`)]
        : []),
      ...(point.localTime?.includes('.') ? declared(definition, point.localTime, ['time', 'text'], `${pointer}/localTime`) : []),
    ];
  });
}

/** A place that exists and is of one of the types. */
function declared(definition: Definition, path: string, types: readonly string[], pointer: string): readonly Finding[] {
  const { root, name } = placeOf(path);
  const all = (root === 'vars' ? definition.variables : definition.fields) ?? {};
  const entry = Object.hasOwn(all, name) ? all[name] : undefined;
  if (!entry) return [problem('unknown-name', pointer, `There is no ${root === 'vars' ? 'variable' : 'field'} "${name}"`)];
  return types.includes(entry.type) ? [] : [problem('type-mismatch', pointer, `"${name}" is a ${entry.type}, but a ${types[0]} is needed`)];
}

function checkProgress({ progress = {} }: Definition, places: readonly Place[]): readonly Finding[] {
  const states = new Set(places.map(({ path }) => path.at(-1)));
  const known = (state: string | undefined, pointer: string) =>
    state === undefined || states.has(state) ? [] : [problem('unknown-state', pointer, `There is no state "${state}" to count`)];
  const { points = [], milestones = {}, levels = [] } = progress;
  const repeats = (ids: readonly string[], part: string) =>
    ids.flatMap((id, index) =>
      ids.indexOf(id) < index ? [problem('duplicate-id', pointerTo('progress', part, index, 'id'), `"${id}" is named twice`)] : [],
    );
  return [
    ...points.flatMap(({ state }, index) => known(state, pointerTo('progress', 'points', index, 'state'))),
    ...Object.entries(milestones).flatMap(([id, { state }]) => known(state, pointerTo('progress', 'milestones', id, 'state'))),
    ...repeats(
      points.map(({ id }) => id),
      'points',
    ),
    ...repeats(
      levels.map(({ id }) => id),
      'levels',
    ),
  ];
}

/** Events of the calendar and of milestones that nothing sends, programs that cannot follow themselves. */
function checkEvents(definition: Definition, place: Place): readonly Finding[] {
  const sources: Readonly<Record<string, object>> = {
    CALENDAR: definition.calendar ?? {},
    MILESTONE: definition.progress?.milestones ?? {},
  };
  const unsent = Object.keys(place.state.on ?? {}).flatMap((event) => {
    const [kind = '', id = ''] = event.split('.', 2);
    const source = Object.hasOwn(sources, kind) ? sources[kind] : undefined;
    if (!source || id === '*' || Object.hasOwn(source, id)) return [];
    const what = kind === 'CALENDAR' ? 'point in the calendar' : 'milestone';
    return [problem('unknown-name', place.pointer + pointerTo('on', event), `There is no ${what} "${id}"`)];
  });
  const selves = actionsOf(place).flatMap(({ action, pointer }) =>
    action.type === 'startProgram' && action.params.program === definition.meta.id && action.params.mode !== 'after-end'
      ? [problem('eventless-loop', `${pointer}/params/program`, 'A program cannot start itself in its own place')]
      : [],
  );
  return [...unsent, ...selves];
}
