/** A compiled program: what `compile` promises to `step`, the simulator and the checks. */
import type { AnyStateMachine } from 'xstate';
import type { Trial } from './buckets.ts';
import type { Definition } from './definition.ts';
import type { Json, Scope } from './scope.ts';

/** A button as shown: `id` comes back in BUTTON, `title` is the text on it. */
export interface Button {
  id: string;
  title: string;
}

/** Content in one language with every template filled in. */
export interface RenderedContent {
  text: string;
  buttons: readonly Button[];
  /** Shown when an answer was not understood. */
  hint: string | null;
  media: { url: string; kind: string; alt: string } | null;
  /** The rows of `buttons` as a list that opens, for channels that show one. */
  list: { title: string; sections: readonly { title: string; rows: readonly (Button & { description: string })[] }[] } | null;
  /** The WhatsApp template that says the same, its own or the one of the policies. */
  template: { name: string; language: string; variables: readonly string[] } | null;
}

/** An event as machine and expressions see it: `type` and plain JSON. */
export interface MachineEvent {
  type: string;
  readonly [key: string]: unknown;
}

/** The `late` rule of a delay: older than `afterMs`, do this instead of sending. */
export interface LateRule {
  afterMs: number;
  do: 'send' | 'skip' | 'fold';
}

/** What `step` needs to know of a named delay. */
export interface DelayFacts {
  name: string;
  /** Calendar delays (`until`, `field`) are recomputed from rule and anchor when zone or fields change; others are fixed once armed. */
  calendar: boolean;
  /** Whether skipping a late one means waiting for the next occurrence (`until`) instead of going on in silence. */
  recurring: boolean;
  late: LateRule | null;
  /** The class of what is said by it; null leaves it to what is said. */
  class: 'transactional' | 'nudge' | 'promo' | null;
  /** While a person has control: `pause` stops its time, `keep` lets it fall due and wait, `drop` disarms it. */
  whileHuman: 'pause' | 'keep' | 'drop';
  /** The time over which it is spread among contacts; 0 for not. */
  jitterMs: number;
}

/** What the runtime needs to know of a point of the calendar. */
export interface CalendarFacts {
  id: string;
  timerId: string;
  /** `interrupt` closes an open question, `skip` gives way to it, `passive` leaves it open. */
  mode: 'interrupt' | 'skip' | 'passive';
  /** A moment found later than this is left out; null for never. */
  lateMs: number | null;
  /** The next moment strictly after `after` and later on the wall clock than `last`; null where there is none. See `nextOccurrence`. */
  next(scope: Scope, given: { after: number; began: number; last: string | null }): { at: number; local: string } | null;
}

/**
 * A compiled program. The machine's root is parallel: region `program` holds the creator's machine under its own id,
 * beside `control` (`bot`, `human`, `paused`) and `reply` (`idle`, `answering`). Its context is a Scope.
 *
 * Actions that only change what is known (`set`, `setField`, `tag`, `untag`) are assigns and vanish into the context. All others come
 * back from `transition()` as `{type, params, info: {context, event}}`, with the context as it was at that point of the macrostep, so
 * that content is rendered with the values of its place. `award` and `badge` do both: first the record, then the assign. Each state
 * entered is recorded first as `progress` with `params.state`, its name.
 * `ask` carries `params.state`, the id of the state node that asked. An invoke appears as `xstate.spawnChild` with `params.src` and `params.input`
 * as written by the creator.
 */
export interface Program {
  readonly definition: Definition;
  /** SHA-256, hexadecimal, of the definition's canonical JSON. */
  readonly hash: string;
  readonly machine: AnyStateMachine;
  /** The initial variables. */
  readonly variables: Readonly<Record<string, Json>>;
  /** The id of every state node. */
  readonly stateIds: ReadonlySet<string>;
  /** The timer ids of every `after`. */
  readonly timerIds: ReadonlySet<string>;
  /** Facts of the delay behind a timer id (`xstate.after.<delay>.<state id>`); undefined for a timer of no delay. */
  delayOf(timerId: string): DelayFacts | undefined;
  /** Facts of a named delay. */
  delayNamed(name: string): DelayFacts | undefined;
  /** When a delay armed at `anchor` falls due, milliseconds since 1970, for the contact and zone of the scope. Clamped to anchor … anchor + 10 years. */
  dueAt(delay: string, scope: Scope, anchor: number): number;
  /** Content filled in for the contact's language (else the program's first). @throws ExpressionError when a template cannot be evaluated */
  render(content: string, scope: Scope, event: MachineEvent): RenderedContent;
  /** What an expression gives. @throws ExpressionError */
  evaluate(source: string, scope: Scope, event: MachineEvent): Json;
  readonly calendar: readonly CalendarFacts[];
  /** The trials of the program, whose buckets are drawn when a run begins. */
  readonly trials: readonly Trial[];
  /** The name of the rules of its progress. */
  readonly rules: string;
  /** The contact's zone, else the program's, else UTC. */
  zoneOf(scope: Scope): string;
}
