/** Runs of programs within a turn: how they begin, take events, go on to others, call sub-programs and come back. */
import { withBuckets } from '../programs/buckets.ts';
import { save } from '../programs/changes.ts';
import { ExpressionError } from '../programs/expressions.ts';
import type { MachineEvent, Program } from '../programs/program.ts';
import type { Scope } from '../programs/scope.ts';
import { cancelAnswer, cancelAnswers } from './answering.ts';
import { beginCalendar, recomputeCalendar } from './calendar.ts';
import type { Conversation, LiveProgram } from './conversation.ts';
import { type Draft, programKey, scopeOf } from './draft.ts';
import { finishInvoke } from './invoking.ts';
import { endRun, performAction } from './performers.ts';
import { underRules } from './progress.ts';
import { activePaths, withControl } from './snapshot.ts';
import { enter, type Stepped, step } from './step.ts';
import { resume, suspend, suspendTimers } from './suspension.ts';
import { depthOf, dropCallers, everyRun, layAside, takeUpCaller } from './waiting-runs.ts';

/** Gives the running program an event. False when no transition took it. */
export function dispatch(draft: Draft, event: MachineEvent): boolean {
  const { program } = draft;
  const { machine } = draft.snapshot;
  if (!program || !machine) return false;
  prepare(draft, program);
  const stepped = step(program, machine, event, scopeOf(draft));
  absorb(draft, program, stepped);
  return stepped.handled;
}

/** A person takes over, before whatever is under way: no answer of the documents is awaited any more. */
export function giveToPerson(draft: Draft): void {
  everyRun(draft, cancelAnswers);
  dispatch(draft, { type: 'CONTROL.takeover' });
  everyRun(draft, (run) => void dispatch(run, { type: 'REPLY.cancel' }));
}

/** Starts a run of a program: whatever earlier runs had armed, asked or planned is over. */
export function begin(draft: Draft, program: Program, ref: NonNullable<Conversation['program']>): void {
  dropCallers(draft);
  endRun(draft, null);
  run(draft, program, ref, program.variables);
}

/** Starts the outermost program that runs from its beginning. False where none does. */
export function restart(draft: Draft): boolean {
  const ref = draft.snapshot.callers?.[0]?.program ?? draft.programRef;
  const program = ref && draft.programs.get(programKey(ref));
  if (!ref || !program) return false;
  begin(draft, program, ref);
  return true;
}

/** A run of a program in front, from its beginning. Who has control keeps it. */
function run(draft: Draft, program: Program, ref: NonNullable<Conversation['program']>, vars: Scope['vars']): void {
  draft.program = program;
  draft.programRef = ref;
  draft.programs.set(programKey(ref), program);
  draft.status = 'active';
  draft.outcome = null;
  draft.snapshot.ran = [...new Set([...draft.snapshot.ran, ref.id])];
  draft.as = 'start';
  draft.starts += 1;
  draft.snapshot.following = null;
  draft.snapshot.promises = undefined;
  prepare(draft, program);
  beginCalendar(draft, program);
  const { control } = draft.snapshot;
  const entered = enter(program, { ...scopeOf(draft), vars });
  absorb(draft, program, control === 'bot' ? entered : { ...entered, control, machine: withControl(entered.machine, control) });
}

/** Trials are drawn before the program can ask for one; progress is counted by the program's rules. */
function prepare(draft: Draft, program: Program): void {
  draft.contact = underRules(draft, program, withBuckets(draft.contact, program.trials));
}

/** Programs that start one another without end are stopped. */
const mostStarts = 5;

function mayStartMore({ starts }: Draft): void {
  if (starts >= mostStarts) throw new ExpressionError('Cannot start more than five programs on one input');
}

/** Starts the program that was asked for, at once or for after the end, where it is live; else a run that has ended gives way to its caller. */
function succeed(draft: Draft): void {
  const slug = draft.succession ?? (draft.status === 'ended' ? (draft.snapshot.following ?? null) : null);
  draft.succession = null;
  const live = liveOf(draft, slug);
  if (live && mayFollow(draft, live)) {
    mayStartMore(draft);
    endRun(draft, null);
    run(draft, live.program, { id: live.id, version: live.version }, live.program.variables);
  } else if (draft.status === 'ended') {
    comeBack(draft);
  }
}

/** Gives a sub-program's outcome and variables to the run that waits for it. */
function comeBack(draft: Draft): void {
  const output = { text: draft.outcome ?? '', data: draft.snapshot.machine?.vars ?? {} };
  const invokeId = takeUpCaller(draft);
  if (invokeId === null) return;
  draft.status = 'active';
  draft.outcome = null;
  finishInvoke(draft, invokeId, { outcome: 'done', result: { output } }, dispatch);
}

const liveOf = ({ surroundings }: Draft, slug: string | null) =>
  surroundings.live.find(({ program }) => program.definition.meta.id === slug);

/** Sub-programs within sub-programs, at most. */
const mostDepth = 3;

type Call = Draft['calls'][number];

/** Begins the sub-program that the macrostep asked for. Two at once cannot talk to one person: the second fails. */
function makeCalls(draft: Draft): void {
  const { calls } = draft;
  draft.calls = [];
  const waits = ({ invokeId, token }: Call) => draft.status === 'active' && draft.snapshot.answers[invokeId]?.effect === token;
  const [first, ...others] = calls.filter(waits);
  for (const other of others) failCall(draft, other, 'another sub-program runs');
  if (first && waits(first)) makeCall(draft, first);
}

function makeCall(draft: Draft, call: Call): void {
  const live = liveOf(draft, call.program);
  const vars = live && inputsOf(draft, live, call.input);
  if (draft.above.length > 0) failCall(draft, call, 'another sub-program runs');
  else if (depthOf(draft) >= mostDepth) failCall(draft, call, 'too deep');
  else if (!live || !mayFollow(draft, live)) failCall(draft, call, 'no such program to be entered');
  else if (!vars) failCall(draft, call, 'the input does not fit');
  else {
    mayStartMore(draft);
    layAside(draft, call.invokeId);
    run(draft, live.program, { id: live.id, version: live.version }, vars);
  }
}

function failCall(draft: Draft, { invokeId }: Call, reason: string): void {
  finishInvoke(draft, invokeId, { outcome: 'failed', result: { reason } }, dispatch);
}

/** The variables a sub-program begins with; null where what it is given is not declared or of another type. */
function inputsOf(draft: Draft, { program }: LiveProgram, input: Call['input']): Scope['vars'] | null {
  try {
    const scope = { ...scopeOf(draft), vars: program.variables };
    return Object.entries(input).reduce((next, [name, value]) => save(program.definition, next, { root: 'vars', name }, value), scope).vars;
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}

/** Whether the way in that a program declares for others lets this contact in. */
function mayFollow(draft: Draft, { id, program }: LiveProgram): boolean {
  const entry = program.definition.entry?.find((one) => 'on' in one && one.on === 'program');
  return entry?.reentry !== 'never' || !draft.snapshot.ran.includes(id);
}

/** Takes over what a step of the program gave: its state, and everything it did. */
export function absorb(draft: Draft, program: Program, stepped: Stepped): void {
  const { machine: before, held: heldBefore } = draft.snapshot;
  draft.snapshot.machine = stepped.machine;
  const hadControl = draft.snapshot.control === 'bot';
  draft.snapshot.control = stepped.control;
  const reached = milestonesSince(draft.contact, stepped.contact);
  draft.contact = stepped.contact;
  for (const action of stepped.actions) performAction(draft, program, action);
  draft.state = stepped.state;
  draft.snapshot.held = Object.fromEntries(
    Object.entries(draft.snapshot.held).map(([id, held]) => [
      id,
      id in heldBefore ? held : { ...held, state: statesEntered(before, stepped.machine) },
    ]),
  );
  dropWhatWasLeft(draft, stepped);
  if (stepped.ended && draft.status === 'active') endRun(draft, stepped.ended.outcome);
  // An event may tell of a contact that a member has changed.
  if (draft.contact !== draft.before.contact || draft.input.kind === 'event') recomputeCalendar(draft);
  const hasControl = draft.snapshot.control === 'bot';
  if (!hasControl) everyRun(draft, hadControl ? suspend : suspendTimers);
  if (!hadControl && hasControl) everyRun(draft, resume);
  goOn(draft, program, reached);
}

/** The states that a step has led to, or where it led nowhere all it is in: what is held was said by them, and not by regions beside them. */
function statesEntered(before: Draft['snapshot']['machine'], after: Stepped['machine']): string {
  const left = activePaths(before);
  const active = activePaths(after);
  const anew = active.filter((path) => !left.includes(path));
  return (anew.length > 0 ? anew : active).join(',');
}

/** A question or an invoke whose state was left waits for nobody. */
function dropWhatWasLeft(draft: Draft, { active, invokes }: Stepped): void {
  if (draft.snapshot.question && !active.includes(draft.snapshot.question.state)) draft.snapshot.question = null;
  for (const invokeId of Object.keys(draft.snapshot.answers)) if (!invokes.includes(invokeId)) cancelAnswer(draft, invokeId);
}

/** What the macrostep led to beyond itself: a person in control, milestones reached, a sub-program, another program. */
function goOn(draft: Draft, program: Program, reached: readonly string[]): void {
  if (draft.handoff) {
    draft.handoff = false;
    giveToPerson(draft);
  }
  for (const milestone of reached) {
    if (draft.status === 'active' && draft.program === program) dispatch(draft, { type: `MILESTONE.${milestone}` });
  }
  makeCalls(draft);
  succeed(draft);
}

function milestonesSince(before: Draft['contact'], after: Draft['contact']): readonly string[] {
  const { milestones } = after.progress;
  if (milestones === before.progress.milestones) return [];
  return Object.keys(milestones).filter((id) => !Object.hasOwn(before.progress.milestones, id));
}
