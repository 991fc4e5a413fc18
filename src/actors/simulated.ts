/** What came of a script, as plain JSON. */
import type { Json } from '../programs/scope.ts';
import type { Rehearsal } from './rehearse.ts';
import { type TranscriptLine, transcriptLine } from './transcript.ts';

/** A simulation as it is told: instants are ISO 8601, UTC. */
export interface Simulated {
  transcript: TranscriptLine[];
  now: string;
  state: string | null;
  status: string;
  outcome: string | null;
  control: string;
  variables: Record<string, Json>;
  contact: {
    name: string;
    zone: string | null;
    language: string | null;
    fields: Record<string, Json>;
    tags: string[];
    consent: Record<string, boolean>;
    progress: { points: number; badges: string[] };
  };
  timers: { id: string; due_at: string }[];
  failures: { step: number; problem: string }[];
  stopped: string | null;
}

/** The end of a rehearsal, with everything that was said on the way. */
export function simulatedOf({ simulation, failures, stopped }: Rehearsal): Simulated {
  const { state, status, outcome, snapshot, contact } = simulation.conversation();
  const { name, zone, language, fields, tags, consent, progress } = contact;
  return {
    transcript: simulation.transcript().map(transcriptLine),
    now: new Date(simulation.now()).toISOString(),
    state,
    status,
    outcome,
    control: snapshot.control,
    variables: { ...snapshot.machine?.vars },
    contact: { name, zone, language, fields, tags: [...tags], consent, progress: { ...progress, badges: [...progress.badges] } },
    timers: simulation.timers().map(({ id, dueAt }) => ({ id, due_at: new Date(dueAt).toISOString() })),
    failures: [...failures],
    stopped,
  };
}
