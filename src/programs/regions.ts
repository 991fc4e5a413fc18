/** The two regions every conversation has beside its program: who has control, and the answer in flight. Total: every state knows every event. */

export type ControlState = 'bot' | 'human' | 'paused';
export type ControlEvent = 'takeover' | 'release' | 'pause' | 'resume';
export type ReplyState = 'idle' | 'answering';
/** `done` and `error` are the ends of the answer; `cancel` comes from a person's takeover or an opt-out. */
export type ReplyEvent = 'start' | 'done' | 'error' | 'cancel';

/** Who has control after an event. Not Partial: a state that forgot an event does not compile. */
export const controlTable: Record<ControlState, Record<ControlEvent, ControlState>> = {
  bot: { takeover: 'human', release: 'bot', pause: 'paused', resume: 'bot' },
  human: { takeover: 'human', release: 'bot', pause: 'paused', resume: 'bot' },
  paused: { takeover: 'human', release: 'bot', pause: 'paused', resume: 'bot' },
};

/** The reply region after an event. A start while answering enters anew: the answer before it is superseded. */
export const replyTable: Record<ReplyState, Record<ReplyEvent, ReplyState>> = {
  idle: { start: 'answering', done: 'idle', error: 'idle', cancel: 'idle' },
  answering: { start: 'answering', done: 'idle', error: 'idle', cancel: 'idle' },
};

/** The control region in XState's words, from its table. */
export function controlRegion(): Record<string, unknown> {
  const states = Object.entries(controlTable).map(([state, row]) => {
    const moves = Object.entries(row).filter(([, next]) => next !== state);
    return [state, { on: Object.fromEntries(moves.map(([event, next]) => [`CONTROL.${event}`, next])) }];
  });
  return { initial: 'bot', states: Object.fromEntries(states) };
}

/** The reply region in XState's words, from its table. */
export function replyRegion(): Record<string, unknown> {
  const { answering, idle } = replyTable;
  return {
    initial: 'idle',
    states: {
      idle: { on: { 'REPLY.start': idle.start } },
      answering: {
        invoke: { id: 'reply', src: 'answer', onDone: answering.done, onError: answering.error },
        on: { 'REPLY.start': { target: answering.start, reenter: true }, 'REPLY.cancel': answering.cancel },
      },
    },
  };
}
