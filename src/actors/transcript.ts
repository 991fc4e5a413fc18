/** The dated transcript of a simulation: as JSON for whoever builds on it, as lines for whoever reads it. */
import { localTime } from '../programs/schedule.ts';
import type { Line } from './simulate.ts';

/** A line of a transcript as JSON; `at` is ISO 8601, UTC. */
export type TranscriptLine =
  | { at: string; role: 'contact' | 'coach' | 'person'; class: string; text: string; buttons?: readonly { id: string; title: string }[] }
  | {
      at: string;
      turn: string;
      state: string | null;
      decisions: readonly { content: string; class: string; do: string; reason: string; until?: string }[];
      error?: string;
    };

/** A line of a simulation as JSON. */
export function transcriptLine(line: Line): TranscriptLine {
  const at = new Date(line.at).toISOString();
  if (!('message' in line)) {
    const { as, state, decisions, error } = line;
    return { at, turn: as, state, decisions, ...(error === undefined ? {} : { error }) };
  }
  const { role, class: messageClass, body } = line.message;
  return { at, role, class: messageClass, text: body.text, ...(body.buttons ? { buttons: body.buttons } : {}) };
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** An instant as people say it in a zone: `Tue 2026-10-20 21:00`. */
export function readableTime(at: number, zone: string): string {
  const { year, month, day, hour, minute, weekday } = localTime(at, zone);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${weekdays[weekday - 1]} ${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}`;
}

/** A simulation as lines to read: every message, every change of state, and whatever the governor did not just let through. */
export function readableTranscript(lines: readonly Line[], zone: string): string[] {
  let state: string | null = null;
  return lines.flatMap((line) => {
    const at = readableTime(line.at, zone);
    if ('message' in line) return [`${at}  ${line.message.role}: ${saidBy(line.message)}`];
    const moved = line.state === state ? [] : [`${at}  → ${line.state ?? 'nowhere'}  (${readableEvent(line.as)})`];
    state = line.state;
    return [
      ...moved,
      ...line.decisions.filter((decision) => decision.do !== 'send').map((decision) => `${at}  ${decisionIn(decision, zone)}`),
      ...(line.error === undefined ? [] : [`${at}  failed: ${line.error}`]),
    ];
  });
}

/** An event or timer in a coach's words: a delay by its name, an invoke by what came of it. */
export function readableEvent(event: string): string {
  const [, delay] = /^(?:\d\/)?xstate\.after\.([^.]+)\./.exec(event) ?? [];
  if (delay !== undefined) return `after ${delay}`;
  return event.replace(/^(?:\d\/)?(?:timer|calendar):/, '').replace(/^xstate\.(done|error)\..*$/, '$1');
}

type Decision = Extract<Line, { decisions: unknown }>['decisions'][number];

function decisionIn({ content, class: messageClass, do: done, reason, until }: Decision, zone: string): string {
  const what = done === 'hold' ? `holds until ${readableTime(Date.parse(until ?? ''), zone)}` : `does not send`;
  return `${what}: ${messageClass} "${content}" (${reason})`;
}

function saidBy({ body }: Extract<Line, { message: unknown }>['message']): string {
  const buttons = body.buttons?.map(({ title }) => `[${title}]`) ?? [];
  return [body.text.replaceAll('\n', ' / '), ...buttons].join(' ');
}
