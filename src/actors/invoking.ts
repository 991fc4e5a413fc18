/** The awaited work of states: planned when a state is entered, its checked result brought back to the machine. */
import { placeOf, save } from '../programs/changes.ts';
import { ExpressionError } from '../programs/expressions.ts';
import type { MachineEvent } from '../programs/program.ts';
import type { Json } from '../programs/scope.ts';
import { cancelAnswer, planAnswer } from './answering.ts';
import type { NewEffect } from './conversation.ts';
import { type Draft, nextOrdinal, scopeOf, stableKey } from './draft.ts';
import type { EffectResult } from './input.ts';
import type { PendingAnswer } from './snapshot.ts';
import type { MachineAction } from './step.ts';

type Plan = NewEffect extends infer Effect ? (Effect extends NewEffect ? Omit<Effect, 'id' | 'ordinal'> : never) : never;

/** Plans an effect after the others of this input; its id. */
export function planEffect(draft: Draft, plan: Plan): string {
  const ordinal = nextOrdinal(draft);
  const id = stableKey(draft, ordinal, plan.type);
  draft.effects.push({ ...plan, id, ordinal } as NewEffect);
  return id;
}

/** Tells the creator's people that a contact waits for one of them, and why. */
export function tellOfHandoff(draft: Draft, reason: string | null, queue: string | null): void {
  draft.handedOver = { reason, queue };
  planEffect(draft, { type: 'event', lane: 'event', params: { event: 'handoff', data: { reason, queue } } });
}

/** Plans what an invoke asks for. */
export function planInvoke(draft: Draft, { invokeId, src, params }: Extract<MachineAction, { type: 'invoke' }>): void {
  if (src === 'answer') {
    const { message, instructions } = params as { message?: string; instructions?: string };
    planAnswer(draft, invokeId, message ?? draft.words, instructions ?? null);
    return;
  }
  cancelAnswer(draft, invokeId);
  if (src === 'program') {
    callProgram(draft, invokeId, params as { program: string; input?: Readonly<Record<string, Json>> });
    return;
  }
  const effect = planEffect(draft, effectOf(draft, src, params));
  const keep = { into: params.into, map: params.map } as NonNullable<PendingAnswer['keep']>;
  draft.snapshot.answers = { ...draft.snapshot.answers, [invokeId]: { effect, text: '', instructions: null, src, keep } };
}

/** Notes that the run waits for a sub-program, which begins once the macrostep has been said to its end. */
function callProgram(
  draft: Draft,
  invokeId: string,
  { program, input = {} }: { program: string; input?: Readonly<Record<string, Json>> },
): void {
  const token = stableKey(draft, draft.calls.length, `program.${invokeId}`);
  draft.calls.push({ invokeId, token, program, input });
  draft.snapshot.answers = { ...draft.snapshot.answers, [invokeId]: { effect: token, text: '', instructions: null, src: 'program' } };
}

function effectOf(draft: Draft, src: string, params: Readonly<Record<string, unknown>>): Plan {
  if (src === 'http') {
    const { map: _kept, ...request } = params;
    return { type: 'http', lane: 'http', params: request as never };
  }
  if (src === 'person') return { type: 'event', lane: 'event', params: { event: 'question', data: { question: String(params.question) } } };
  const { language } = draft.contact;
  return { type: 'model', lane: 'model', params: { task: src as 'classify', language, fields: fieldsOf(draft, params.into), ...params } };
}

/** The types of the places an extraction fills. */
function fieldsOf(draft: Draft, into: unknown): Record<string, string> {
  const { fields = {}, variables = {} } = draft.program?.definition ?? {};
  const paths = Array.isArray(into) ? into.map(String) : [];
  return Object.fromEntries(
    paths.map((path) => {
      const { root, name } = placeOf(path);
      const declared = root === 'vars' ? variables : fields;
      return [path, (Object.hasOwn(declared, name) && declared[name]?.type) || 'text'];
    }),
  );
}

/** Brings the result of an invoke home: what it gave is kept where the program said, and what does not fit is an error. */
export function finishInvoke(
  draft: Draft,
  invokeId: string,
  { outcome, result }: { outcome: 'done' | 'failed' | 'uncertain'; result: EffectResult },
  dispatch: (draft: Draft, event: MachineEvent) => boolean,
): void {
  const pending = draft.snapshot.answers[invokeId];
  const { [invokeId]: _ended, ...others } = draft.snapshot.answers;
  draft.snapshot.answers = others;
  const reason = outcome === 'done' && pending ? keepOutput(draft, pending, result.output ?? {}) : (result.reason ?? 'failed');
  dispatch(
    draft,
    reason === null
      ? { type: `xstate.done.actor.${invokeId}`, output: result.output ?? {} }
      : { type: `xstate.error.actor.${invokeId}`, error: { reason } },
  );
}

/** Keeps what an invoke gave, all of it or nothing; the reason where it does not fit. */
function keepOutput(draft: Draft, { src, keep = {} }: PendingAnswer, output: Readonly<Record<string, Json>>): string | null {
  const { program } = draft;
  const { machine } = draft.snapshot;
  if (!program || !machine) return null;
  try {
    let scope = scopeOf(draft);
    const event = { type: 'DONE', output };
    for (const [path, value] of valuesOf(src, keep, output, (source) => program.evaluate(source, scope, event))) {
      scope = save(program.definition, scope, placeOf(path), value);
    }
    draft.contact = scope.contact;
    draft.snapshot.machine = { ...machine, vars: scope.vars };
    return null;
  } catch (error) {
    if (error instanceof ExpressionError) return 'the result does not fit';
    throw error;
  }
}

function valuesOf(
  src: string | undefined,
  { into, map }: NonNullable<PendingAnswer['keep']>,
  output: Readonly<Record<string, Json>>,
  evaluate: (source: string) => Json,
): [string, Json][] {
  if (map) return Object.entries(map).map(([path, source]): [string, Json] => [path, evaluate(source)]);
  if (src === 'summarize' && typeof into === 'string') return [[into, output.text ?? '']];
  const values = (output.data ?? {}) as Readonly<Record<string, Json>>;
  return (Array.isArray(into) ? into : []).filter((path) => Object.hasOwn(values, path)).map((path) => [path, values[path] ?? null]);
}

/** The event by which the creator's people answer a question of a program. */
export const personAnswered = 'person-answered';

/** The invoke that waits for a person: the named question, else the first. */
export function invokeOfPerson(draft: Draft, question: unknown): string | null {
  const waiting = Object.entries(draft.snapshot.answers).filter(([, { src }]) => src === 'person');
  return (waiting.find(([, { effect }]) => effect === question) ?? waiting[0])?.[0] ?? null;
}
