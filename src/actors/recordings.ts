/** Recordings of real runs for a replay, read from the record. */
import * as v from 'valibot';
import type { Database } from '../database.ts';
import type { CreatorId, ProgramId } from '../ids.ts';
import { type RecordedRow, recordedInputs } from '../store/recordings.ts';
import type { RecordedInput, Recording } from './replay.ts';

const payloads = {
  message: v.object({ text: v.string() }),
  button: v.object({ button: v.string() }),
  event: v.object({ name: v.string(), data: v.record(v.string(), v.unknown()) }),
  control: v.object({ act: v.picklist(['takeover', 'release', 'pause', 'resume', 'restart', 'end']) }),
  start: v.object({}),
} as const;

/**
 * The runs of a program that were active last, newest first, each from where it began.
 *
 * @param until milliseconds since 1970: how far timers are followed
 */
export async function readRecordings(
  db: Database,
  creatorId: CreatorId,
  programId: ProgramId,
  most: number,
  until: number,
): Promise<Recording[]> {
  const rows = await recordedInputs(db, creatorId, programId, most);
  return rows.flatMap((row) => {
    const inputs = sinceStart(row);
    return inputs.length === 0 ? [] : [{ ...identity(row), inputs, until: Math.max(until, inputs.at(-1)?.at ?? 0) }];
  });
}

function identity({ conversationId, version, channel, name, zone, language }: RecordedRow): Omit<Recording, 'inputs' | 'until'> {
  return { conversationId, version, persona: { channel, name, zone, language } };
}

/** The inputs since the run began, without those that the runtime made itself: timers fall due by the program that is replayed. */
function sinceStart({ inputs }: RecordedRow): RecordedInput[] {
  const begun = inputs.findLastIndex(({ as }) => as === 'start');
  return inputs.slice(Math.max(0, begun)).flatMap(({ kind, payload, at }) => {
    if (!Object.hasOwn(payloads, kind)) return [];
    const read = v.safeParse(payloads[kind as keyof typeof payloads] as v.GenericSchema<unknown, object>, payload);
    return read.success ? [{ kind, at: Date.parse(at), ...read.output } as RecordedInput] : [];
  });
}
