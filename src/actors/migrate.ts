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
  const { program } = machine.value as Record<string, Json>;
  const landing = landingOf(move.program.definition, move.migration.states ?? {}, program ?? '');
  if (landing.how === 'stranded') return;
  const vars = variablesAfter(move.program.definition, move.program.variables, move.migration.variables, machine.vars);
  draft.snapshot.machine = { ...machine, vars };
  if (landing.how === 'enters') enterAnew(draft, move, landing.path);
  else stayWhere(draft, move);
  draft.moved = { from: draft.programRef.version, to: move.version, how: landing.how };
  draft.programRef = { ...draft.programRef, version: move.version };
  draft.programs.set(programKey(draft.programRef), move.program);
}

/** Nothing is asked, and nothing is being found out. */
function isQuiet({ snapshot }: Draft): boolean {
  return snapshot.question === null && Object.keys(snapshot.answers).length === 0 && snapshot.waiting.length === 0;
}

/** The state it was in is gone or means something else: what is armed, asked and under way there is over, and the new one is entered. */
function enterAnew(draft: Draft, { program }: Move, path: readonly string[]): void {
  for (const timerId of Object.keys(draft.snapshot.timers)) if (!timerId.startsWith('timer:')) clearTimer(draft, timerId);
  for (const invokeId of Object.keys(draft.snapshot.answers)) cancelAnswer(draft, invokeId);
  draft.snapshot.question = null;
  draft.snapshot.offer = null;
  draft.program = program;
  const { control } = draft.snapshot;
  const entered = enter(compile(beginningAt(program.definition, path)), scopeOf(draft));
  absorb(draft, program, { ...entered, control, machine: withControl(entered.machine, control) });
}

function withControl(machine: Stepped['machine'], control: Stepped['control']): Stepped['machine'] {
  return { ...machine, value: { ...(machine.value as Record<string, Json>), control } };
}

/** The same states in the new version: timers are reconciled, what no longer exists is let go, nothing is said again. */
function stayWhere(draft: Draft, { program }: Move): void {
  const machine = draft.snapshot.machine as NonNullable<Draft['snapshot']['machine']>;
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
  for (const invokeId of Object.keys(draft.snapshot.answers)) if (!stepped.invokes.has(invokeId)) cancelAnswer(draft, invokeId);
}

/** Timers of states keep their anchor under the new rule; new ones begin now, and those of rules that are gone are let go. */
function reconcileTimers(draft: Draft, program: Program, { active }: Stepped): void {
  const { now } = draft.surroundings;
  const wanted = [...program.timerIds].filter((id) => active.has(stateOfTimer(id)));
  for (const id of Object.keys(draft.snapshot.timers)) if (id.startsWith('xstate.after.') && !wanted.includes(id)) clearTimer(draft, id);
  for (const id of wanted) {
    const delay = program.delayOf(id);
    const armed = draft.snapshot.timers[id];
    if (!delay) continue;
    const anchor = armed?.anchor ?? now;
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
  if (!asked || !active.has(question.state)) {
    draft.snapshot.question = null;
    return;
  }
  const { content, input, saveTo, retries } = asked;
  draft.snapshot.question = { ...question, content, input, saveTo: saveTo ?? null, retries: retries ?? 2 };
}
