/** Takes a conversation over to another version of its program, within a turn: state, variables, timers, question, answers. */
import { compile } from '../programs/compile.ts';
import { beginningAt, landingOf, variablesAfter } from '../programs/landing.ts';
import type { MigrationDefinition } from '../programs/migrations.ts';
import type { Program } from '../programs/program.ts';
import type { Json } from '../programs/scope.ts';
import { actionsOf, placesOf } from '../programs/walk.ts';
import { cancelAnswer } from './answering.ts';
import { armTimer, clearTimer, type Draft, programKey, scopeOf } from './draft.ts';
import { absorb } from './perform.ts';
import { isBroadcast } from './posting.ts';
import { withControl } from './snapshot.ts';
import { enter, type Stepped, standing } from './step.ts';

/** The version a conversation is to go over to. */
export interface Move {
  version: number;
  program: Program;
  migration: MigrationDefinition;
  policy: 'next-quiet-state' | 'move';
}

/** Moves the conversation over if it is to go, may go now and has somewhere to land. @throws ExpressionError from what is entered */
export function moveOver(draft: Draft, move: Move): void {
  const { machine } = draft.snapshot;
  if (draft.status !== 'active' || !machine || !draft.programRef || draft.programRef.version === move.version) return;
  // Another program may have begun with this very input.
  if (draft.programRef.id !== draft.before.program?.id) return;
  if (move.policy === 'next-quiet-state' && !isQuiet(draft)) return;
  const { question, offer, timers, held } = draft.snapshot;
  const before = { version: draft.programRef.version, machine, question, offer, timers, held };
  const how = goBack(draft, move) ?? land(draft, move, machine);
  if (how === null) return;
  draft.moved = { from: before.version, to: move.version, how };
  draft.snapshot.left = how === 'restored' || draft.status !== 'active' ? null : { ...before, landed: draft.state };
  draft.programRef = { ...draft.programRef, version: move.version };
  draft.programs.set(programKey(draft.programRef), move.program);
}

type Machine = NonNullable<Draft['snapshot']['machine']>;

/** Lands where the newer version says. Null where that is nowhere. */
function land(draft: Draft, move: Move, machine: Machine): 'stays' | 'enters' | null {
  const { definition, variables } = move.program;
  const { program } = machine.value as Record<string, Json>;
  const landing = landingOf(definition, move.migration.states ?? {}, program ?? '');
  if (landing.how === 'stranded') return null;
  draft.snapshot.machine = { ...machine, vars: variablesAfter(definition, variables, move.migration.variables, machine.vars) };
  if (landing.how === 'enters') enterAnew(draft, move, landing.path);
  else stayWhere(draft, move);
  return landing.how;
}

/**
 * Whoever is still where they landed goes back to exactly where they came from: the state, what was asked and held back there, and the moments
 * from which its timers count; variables keep what they have become. Null for everybody else, and where work was awaited that has been called off.
 */
function goBack(draft: Draft, { version, program }: Move): 'restored' | null {
  const { left, machine, control, timers } = draft.snapshot;
  if (left?.version !== version || left.landed !== draft.state || !left.machine || !machine) return null;
  const vars = variablesAfter(program.definition, program.variables, undefined, { ...left.machine.vars, ...machine.vars });
  const stepped = standing(program, withControl({ ...left.machine, vars }, control), scopeOf(draft));
  if (stepped.invokes.length > 0) return null;
  for (const invokeId of Object.keys(draft.snapshot.answers)) cancelAnswer(draft, invokeId);
  const { held: heldNow } = draft.snapshot;
  const isOver = (timerId: string) => timerId.startsWith('xstate.after.') || heldNow[timerId]?.state === left.landed;
  for (const timerId of Object.keys(timers)) if (isOver(timerId) && !isBroadcast(heldNow[timerId])) clearTimer(draft, timerId);
  draft.program = program;
  draft.snapshot.machine = stepped.machine;
  draft.state = stepped.state;
  draft.snapshot.question = left.question;
  draft.snapshot.offer = left.offer;
  reconcileTimers(draft, program, stepped, left.timers);
  for (const [timerId, held] of Object.entries(left.held)) {
    const armed = left.timers[timerId];
    if (!armed || timerId in draft.snapshot.held) continue;
    draft.snapshot.held = { ...draft.snapshot.held, [timerId]: held };
    armTimer(draft, timerId, { ...armed, dueAt: Math.max(armed.dueAt, draft.surroundings.now) });
  }
  return 'restored';
}

/** Nothing is asked, and nothing is being found out. */
function isQuiet({ snapshot }: Draft): boolean {
  return snapshot.question === null && Object.keys(snapshot.answers).length === 0 && snapshot.waiting.length === 0;
}

/** The state it was in is gone or means something else: what is armed, asked and under way there is over, and the new one is entered. */
function enterAnew(draft: Draft, { program }: Move, path: readonly string[]): void {
  const goesOn = (timerId: string) => timerId.startsWith('timer:') || isBroadcast(draft.snapshot.held[timerId]);
  for (const timerId of Object.keys(draft.snapshot.timers)) if (!goesOn(timerId)) clearTimer(draft, timerId);
  for (const invokeId of Object.keys(draft.snapshot.answers)) cancelAnswer(draft, invokeId);
  draft.snapshot.question = null;
  draft.snapshot.offer = null;
  draft.program = program;
  const { control } = draft.snapshot;
  const entered = enter(compile(beginningAt(program.definition, path)), scopeOf(draft));
  absorb(draft, program, { ...entered, control, machine: withControl(entered.machine, control) });
}

/** The same states in the new version: timers are reconciled, what no longer exists is let go, nothing is said again. */
function stayWhere(draft: Draft, { program }: Move): void {
  const machine = draft.snapshot.machine as Machine;
  const nodes = new Set<string>(program.stateIds);
  const history = Object.fromEntries(
    Object.entries(machine.history).filter(([id, inner]) => nodes.has(id) && inner.every((node) => nodes.has(node))),
  );
  draft.program = program;
  const stepped = standing(program, { ...machine, history }, scopeOf(draft));
  draft.snapshot.machine = stepped.machine;
  draft.state = stepped.state;
  reconcileTimers(draft, program, stepped);
  reconcileQuestion(draft, program, stepped);
  for (const invokeId of Object.keys(draft.snapshot.answers)) if (!stepped.invokes.includes(invokeId)) cancelAnswer(draft, invokeId);
}

/** Timers of states keep their anchor under the new rule; new ones begin now, and those of rules that are gone are let go. */
function reconcileTimers(draft: Draft, program: Program, { active }: Stepped, earlier: Draft['snapshot']['timers'] = {}): void {
  const { now } = draft.surroundings;
  const wanted = [...program.timerIds].filter((id) => active.includes(stateOfTimer(id)));
  for (const id of Object.keys(draft.snapshot.timers)) if (id.startsWith('xstate.after.') && !wanted.includes(id)) clearTimer(draft, id);
  for (const id of wanted) {
    const delay = program.delayOf(id);
    const armed = draft.snapshot.timers[id];
    if (!delay) continue;
    const anchor = armed?.anchor ?? earlier[id]?.anchor ?? now;
    const dueAt = Math.max(now, program.dueAt(delay.name, scopeOf(draft), anchor));
    if (dueAt !== armed?.dueAt) armTimer(draft, id, { anchor, dueAt, event: null });
  }
}

/** `xstate.after.<delay>.<state id>` → the id of the state. */
function stateOfTimer(timerId: string): string {
  return timerId.split('.').slice(3).join('.');
}

/** An open question stays open if its state still asks it, in the new version's way. */
function reconcileQuestion(draft: Draft, { definition }: Program, { active }: Stepped): void {
  const { question } = draft.snapshot;
  if (!question) return;
  const asks = placesOf(definition.machine).flatMap((place) =>
    actionsOf(place).flatMap(({ action }) => (action.type === 'ask' && action.params.question === question.id ? [action.params] : [])),
  );
  const [asked] = asks;
  if (!asked || !active.includes(question.state)) {
    draft.snapshot.question = null;
    return;
  }
  const { content, input, saveTo, retries } = asked;
  draft.snapshot.question = { ...question, content, input, saveTo: saveTo ?? null, retries: retries ?? 2 };
}
