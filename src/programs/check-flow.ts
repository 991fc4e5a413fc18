/** Checks how a machine runs, with guards left open: what can be reached, what loops, what waits for ever, what nobody answers. */
import type { Definition, MachineDefinition } from './definition.ts';
import { type Finding, problem, warning } from './finding.ts';
import { resolveTarget, stateAt } from './machine.ts';
import { actionsOf, type Place, type Way, waysOf } from './walk.ts';

/** The machine prepared for questions about it. Keys are paths joined by dots; the root's is empty. */
interface Chart {
  machine: MachineDefinition;
  places: ReadonlyMap<string, Place>;
  ways: ReadonlyMap<string, readonly Way[]>;
}

const keyOf = (path: readonly string[]) => path.join('.');

/** Structure first; where it holds, reachability, loops, time limits, dead ends and questions. */
export function checkFlow(definition: Definition, places: readonly Place[]): readonly Finding[] {
  const chart: Chart = {
    machine: definition.machine,
    places: new Map(places.map((place) => [keyOf(place.path), place])),
    ways: new Map(places.map((place) => [keyOf(place.path), waysOf(place)])),
  };
  const structure = [...places.flatMap((place) => checkStructure(chart, place)), ...checkStreak(definition, places)];
  if (structure.length > 0) return structure;
  const reached = reachable(chart);
  const unreached = places.filter(({ path, state }) => !reached.has(keyOf(path)) && state.type !== 'history');
  const live = places.filter(({ path }) => reached.has(keyOf(path)));
  return [
    ...unreached
      .filter(({ path }) => reached.has(keyOf(path.slice(0, -1))))
      .map(({ path, pointer }) => problem('unreachable-state', pointer, `Nothing leads to the state "${path.at(-1)}"`)),
    ...checkLoops(chart, live),
    ...live.flatMap((place) => checkWaiting(chart, place, definition)),
    ...live.flatMap((place) => checkQuestions(chart, place)),
  ];
}

function checkStreak({ progress }: Definition, places: readonly Place[]): readonly Finding[] {
  const event = progress?.streak?.event;
  if (event === undefined || places.some(({ path }) => path.at(-1) === event)) return [];
  return [problem('unknown-state', '/progress/streak/event', `There is no state "${event}" for the streak to count`)];
}

/** Initial states, targets, and parts that a kind of state cannot have. */
function checkStructure(chart: Chart, place: Place): readonly Finding[] {
  const { state, path, pointer } = place;
  const targets = [...(chart.ways.get(keyOf(path)) ?? []).map(({ transition, pointer: at }) => ({ target: transition.target, at }))];
  if (state.type === 'history') targets.push({ target: state.target, at: `${pointer}/target` });
  return [
    ...targets
      .filter(({ target }) => target !== undefined && resolveTarget(chart.machine, path, target) === null)
      .map(({ target, at }) => unknownTarget(target ?? '', path, at)),
    ...checkInitial(place),
    ...checkKind(place),
  ];
}

function unknownTarget(target: string, path: readonly string[], pointer: string): Finding {
  const advice = path.length === 0 && !/^[.#]/.test(target) ? `: from the top write ".${target}"` : '';
  return problem('unknown-state', pointer, `There is no state "${target}" to go to${advice}`);
}

function checkInitial({ state, pointer }: Place): readonly Finding[] {
  const names = Object.keys(state.states ?? {});
  if (names.length === 0) {
    const isEmpty = state.states !== undefined || state.type === 'compound' || state.type === 'parallel';
    return isEmpty ? [problem('shape', `${pointer}/states`, 'There is no state in it')] : [];
  }
  if (state.type === 'parallel') return [];
  if (state.initial === undefined) return [problem('shape', `${pointer}/initial`, 'Name the state it begins with as "initial"')];
  return names.includes(state.initial) ? [] : [problem('unknown-state', `${pointer}/initial`, `There is no state "${state.initial}"`)];
}

/** What final, history and atomic states cannot have, since the machine would leave it out without a word. */
function checkKind({ state, pointer }: Place): readonly Finding[] {
  const leaves: Readonly<Record<string, readonly (keyof typeof state)[]>> = {
    final: ['states', 'on', 'after', 'always', 'invoke', 'onDone', 'history', 'target', 'initial'],
    history: ['states', 'on', 'after', 'always', 'invoke', 'onDone', 'entry', 'exit', 'initial'],
    atomic: ['states', 'history', 'target', 'initial', 'onDone'],
    compound: ['history', 'target'],
    parallel: ['history', 'target', 'initial'],
  };
  const kind = state.type ?? (state.states ? 'compound' : 'atomic');
  return (leaves[kind] ?? [])
    .filter((part) => state[part] !== undefined)
    .map((part) => problem('shape', `${pointer}/${part}`, `A state of type "${kind}" cannot have "${part}"`));
}

/** The states entered on the way to a path, the path's own chain of initial states included. */
function entered(chart: Chart, path: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const down = (at: readonly string[]): void => {
    const key = keyOf(at);
    if (found.has(key)) return;
    found.add(key);
    const state = stateAt(chart.machine, at);
    if (state?.type === 'parallel') for (const name of Object.keys(state.states ?? {})) down([...at, name]);
    else if (state?.type === 'history') down(historyTarget(chart, at, state.target));
    else if (state?.initial !== undefined) down([...at, state.initial]);
  };
  for (let depth = 0; depth < path.length; depth += 1) {
    const ancestor = path.slice(0, depth);
    found.add(keyOf(ancestor));
    const state = stateAt(chart.machine, ancestor);
    const siblings = state?.type === 'parallel' ? Object.keys(state.states ?? {}) : [];
    for (const name of siblings) if (name !== path[depth]) down([...ancestor, name]);
  }
  down(path);
  return [...found];
}

function historyTarget(chart: Chart, path: readonly string[], target: string | undefined): readonly string[] {
  const parent = path.slice(0, -1);
  if (target !== undefined) return resolveTarget(chart.machine, path, target) ?? parent;
  const initial = stateAt(chart.machine, parent)?.initial;
  return initial === undefined ? parent : [...parent, initial];
}

function targetOf(chart: Chart, path: readonly string[], way: Way): readonly string[] | null {
  return way.transition.target === undefined ? null : resolveTarget(chart.machine, path, way.transition.target);
}

function reachable(chart: Chart): ReadonlySet<string> {
  const reached = new Set<string>();
  const open: string[] = [...entered(chart, [])];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (reached.has(key)) continue;
    reached.add(key);
    const place = chart.places.get(key);
    for (const way of chart.ways.get(key) ?? []) {
      const target = way.shadowed || !place ? null : targetOf(chart, place.path, way);
      if (target) open.push(...entered(chart, target).filter((next) => !reached.has(next)));
    }
  }
  return reached;
}

const alwaysOf = (chart: Chart, key: string) =>
  (chart.ways.get(key) ?? []).filter(({ event, shadowed }) => event === 'always' && !shadowed);

/** Automatic transitions that come back to themselves: surely, or if the guards allow it. */
function checkLoops(chart: Chart, live: readonly Place[]): readonly Finding[] {
  const automatic = live.filter(({ path }) => alwaysOf(chart, keyOf(path)).length > 0);
  const next = new Map(automatic.map((place) => [keyOf(place.path), automaticTargets(chart, place)]));
  const restless = restlessStates(chart, next);
  return automatic.flatMap(({ path, pointer }) => {
    const key = keyOf(path);
    if (restless.has(key)) {
      return [
        problem(
          'eventless-loop',
          `${pointer}/always`,
          `From "${path.at(-1) ?? 'the start'}" the program goes round for ever without waiting`,
        ),
      ];
    }
    const isLoop = leadsTo(next, key);
    return isLoop
      ? [
          warning(
            'possible-loop',
            `${pointer}/always`,
            `From "${path.at(-1) ?? 'the start'}" the program may go round; it is stopped after 50 steps`,
          ),
        ]
      : [];
  });
}

/** For each automatic transition of a state the automatic states that are active after it. */
function automaticTargets(chart: Chart, { path }: Place): readonly (readonly string[])[] {
  return alwaysOf(chart, keyOf(path)).map((way) => {
    const target = targetOf(chart, path, way) ?? path;
    return entered(chart, target).filter((key) => alwaysOf(chart, key).length > 0);
  });
}

/** States that surely go on, from which no automatic way leads to rest. */
function restlessStates(chart: Chart, next: ReadonlyMap<string, readonly (readonly string[])[]>): ReadonlySet<string> {
  const isSure = (key: string) => alwaysOf(chart, key).some(({ transition }) => transition.guard === undefined);
  const restless = new Set([...next.keys()].filter(isSure));
  for (let changed = true; changed; ) {
    changed = false;
    for (const key of restless) {
      const canRest = (next.get(key) ?? []).some((active) => !active.some((other) => restless.has(other)));
      if (canRest) changed = restless.delete(key);
    }
  }
  return restless;
}

function leadsTo(next: ReadonlyMap<string, readonly (readonly string[])[]>, start: string): boolean {
  const seen = new Set<string>();
  const open = (next.get(start) ?? []).flat();
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (key === start) return true;
    if (seen.has(key)) continue;
    seen.add(key);
    open.push(...(next.get(key) ?? []).flat());
  }
  return false;
}

/** The keys of a state and of all around it. */
function around(path: readonly string[]): string[] {
  return Array.from({ length: path.length + 1 }, (_, depth) => keyOf(path.slice(0, path.length - depth)));
}

/** Time limits and ways out of states that wait. */
function checkWaiting(chart: Chart, place: Place, definition: Definition): readonly Finding[] {
  const { state, path, pointer } = place;
  const name = path.at(-1) ?? 'the start';
  const findings = checkTimeout(chart, place, definition);
  const hasLimit = around(path).some((key) => Object.keys(chart.places.get(key)?.state.after ?? {}).length > 0);
  if (state.invoke) findings.push(...checkInvoke(place, hasLimit));
  if (state.states || state.type === 'final' || state.type === 'history') return findings;
  const ways = around(path).flatMap((key) => chart.ways.get(key) ?? []);
  if (ways.length === 0) {
    findings.push(problem('dead-end', pointer, `Nothing leads out of "${name}": give it a way out or "type": "final"`));
  } else if (!hasLimit && !isTimed(chart, path)) {
    findings.push(
      problem('no-time-limit', pointer, `"${name}" may wait for ever: add "after", or "meta": {"timeout": "none"} if that is meant`),
    );
  }
  return findings;
}

function isTimed(chart: Chart, path: readonly string[]): boolean {
  const isSure = alwaysOf(chart, keyOf(path)).some(({ transition }) => transition.guard === undefined);
  return isSure || around(path).some((key) => chart.places.get(key)?.state.meta?.timeout === 'none');
}

function checkInvoke({ state, pointer, path }: Place, hasLimit: boolean): readonly Finding[] {
  const name = path.at(-1);
  return [
    ...(state.invoke?.onError === undefined
      ? [
          problem(
            'invoke-without-error-way',
            `${pointer}/invoke`,
            `"${name}" does not say what happens when "${state.invoke?.src}" fails: add "onError"`,
          ),
        ]
      : []),
    ...(state.invoke?.onDone === undefined
      ? [
          problem(
            'invoke-without-error-way',
            `${pointer}/invoke`,
            `"${name}" does not say what follows "${state.invoke?.src}": add "onDone"`,
          ),
        ]
      : []),
    ...(hasLimit
      ? []
      : [problem('invoke-without-time-limit', pointer, `"${name}" may wait for "${state.invoke?.src}" for ever: add "after"`)]),
  ];
}

/** `meta.timeout` is `none` or names the delay that limits the state. */
function checkTimeout(chart: Chart, { state, path, pointer }: Place, definition: Definition): Finding[] {
  const timeout = state.meta?.timeout;
  if (timeout === undefined || timeout === 'none') return [];
  if (!Object.hasOwn(definition.delays ?? {}, timeout))
    return [problem('unknown-name', `${pointer}/meta/timeout`, `There is no delay "${timeout}"`)];
  const isArmed = around(path).some((key) => Object.hasOwn(chart.places.get(key)?.state.after ?? {}, timeout));
  return isArmed
    ? []
    : [problem('no-time-limit', `${pointer}/meta/timeout`, `"${path.at(-1)}" names the time limit "${timeout}" but has no "after" for it`)];
}

/** Each question needs a way for its answer from where it is asked. */
function checkQuestions(chart: Chart, place: Place): readonly Finding[] {
  return actionsOf(place).flatMap(({ action, pointer, on, to }) => {
    if (action.type !== 'ask') return [];
    const { question } = action.params;
    if (on === 'exit') return [problem('unanswered-question', pointer, `"${question}" is asked when its state is left: ask on entry`)];
    const asker = to === undefined ? place.path : (resolveTarget(chart.machine, place.path, to) ?? place.path);
    const listening = [...around(asker), ...below(chart, asker)];
    const isHeard = listening.some((key) => (chart.ways.get(key) ?? []).some(({ event }) => event === 'ANSWER'));
    return isHeard
      ? []
      : [problem('unanswered-question', pointer, `No transition takes the answer to "${question}": add "ANSWER" to "on"`)];
  });
}

function below(chart: Chart, path: readonly string[]): string[] {
  const prefix = path.length === 0 ? '' : `${keyOf(path)}.`;
  return [...chart.places.keys()].filter((key) => key !== '' && key.startsWith(prefix));
}
