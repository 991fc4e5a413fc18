/** A conversation on a virtual clock: the same step, timers and governor as in service, no record and no wall time. */
import type { ContactId, ConversationId, CreatorId, ProgramId, SessionId } from '../ids.ts';
import type { Program } from '../programs/program.ts';
import { addDuration } from '../programs/schedule.ts';
import { type Contact, newContact } from '../programs/scope.ts';
import type { Conversation, NewMessage, Stepping, Trace } from './conversation.ts';
import type { Input } from './input.ts';
import { receive } from './receive.ts';
import { emptySnapshot } from './snapshot.ts';

/** Who is simulated. */
export type Persona = Partial<Pick<Contact, 'name' | 'zone' | 'language' | 'fields' | 'tags' | 'consent'>>;

/** One line of the dated transcript: a message, or a turn that said nothing. Times in milliseconds since 1970. */
export type Line = { at: number; message: NewMessage } | { at: number; state: string | null; as: string; decisions: Trace['decisions'] };

export interface Simulation {
  /** The contact writes. */
  say(text: string): void;
  /** The contact presses a button of the newest offer, named by its id. */
  press(button: string): void;
  /** Turns the clock: an ISO 8601 duration in the contact's zone, or `next` to the next timer. */
  advance(by: string): void;
  /** Virtual time, milliseconds since 1970. */
  now(): number;
  conversation(): Conversation;
  transcript(): readonly Line[];
  /** Messages the program has sent. */
  outbound(): readonly NewMessage[];
}

/** A simulation that needs more turns than this is a loop. */
const mostTurns = 20_000;

/**
 * @param start virtual time of the first moment, milliseconds since 1970
 * @throws RangeError when the program needs more than 20,000 turns
 */
export function createSimulation(program: Program, persona: Persona, start: number): Simulation {
  const programId = '00000000-0000-7000-8000-000000000001' as ProgramId;
  const live = [{ id: programId, version: 1, program }];
  const transcript: Line[] = [];
  let now = start;
  let turns = 0;
  let conversation = unstarted(persona);

  function take(input: Input): void {
    turns += 1;
    if (turns > mostTurns) throw new RangeError(`Cannot simulate more than ${mostTurns} turns`);
    const current = conversation.program ? program : null;
    const stepping = receive(conversation, input, { now, generation: conversation.version + 1, current, live });
    conversation = { ...stepping.next, version: conversation.version + 1 };
    record(stepping);
    answerAll(stepping);
  }

  function record({ messages, trace }: Stepping): void {
    for (const message of messages) transcript.push({ at: now, message });
    transcript.push({ at: now, state: trace.to, as: trace.as, decisions: trace.decisions });
  }

  /** Documents are not asked in a simulation: every answer is found at once, and says so. */
  function answerAll({ effects }: Stepping): void {
    for (const effect of effects) {
      const answer = { text: '(an answer from the documents)', citations: [], grounded: true, degraded: false };
      take({ id: `effect:${effect.id}`, kind: 'effect', effectId: effect.id, outcome: 'done', result: { answer } });
    }
  }

  function nextTimer(): { id: string; dueAt: number; generation: number } | null {
    const armed = Object.entries(conversation.snapshot.timers).filter(([id]) => !conversation.snapshot.deferred.includes(id));
    const first = armed.sort(([, a], [, b]) => a.dueAt - b.dueAt)[0];
    return first ? { id: first[0], ...first[1] } : null;
  }

  function fire(timer: { id: string; dueAt: number; generation: number }): void {
    now = Math.max(now, timer.dueAt);
    const { id: timerId, generation, dueAt } = timer;
    take({ id: `timer:${timerId}:${generation}`, kind: 'timer', timerId, generation, dueAt });
  }

  return {
    say: (text) => take({ id: `msg:${turns}`, kind: 'message', messageId: `${turns}`, text }),
    press: (button) =>
      take({ id: `msg:${turns}`, kind: 'button', messageId: `${turns}`, messageSeq: conversation.snapshot.offer?.seq ?? 0, button }),
    advance(by) {
      if (by === 'next') {
        const timer = nextTimer();
        if (timer) fire(timer);
        return;
      }
      const until = addDuration(now, by, program.zoneOf({ now, contact: conversation.contact, vars: {}, conversation: noFacts }));
      for (let timer = nextTimer(); timer && timer.dueAt <= until; timer = nextTimer()) fire(timer);
      now = until;
    },
    now: () => now,
    conversation: () => conversation,
    transcript: () => transcript,
    outbound: () => transcript.flatMap((line) => ('message' in line && line.message.role === 'coach' ? [line.message] : [])),
  };
}

const noFacts = { channel: 'widget', lastInboundAt: null, tries: 0 };

function unstarted(persona: Persona): Conversation {
  const contactId = '00000000-0000-7000-8000-000000000002' as ContactId;
  return {
    creatorId: '00000000-0000-7000-8000-000000000003' as CreatorId,
    id: '00000000-0000-7000-8000-000000000004' as ConversationId,
    sessionId: '00000000-0000-7000-8000-000000000005' as SessionId,
    channel: 'widget',
    version: 0,
    seq: 0,
    contactId,
    contactVersion: 0,
    contact: { ...newContact(contactId), ...persona },
    sends: [],
    program: null,
    snapshot: emptySnapshot,
    state: null,
    status: 'open',
    outcome: null,
  };
}
