/** Runs a `transcribe` effect: has a voice note put into words within its time, and keeps them with the message before the program hears them. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Deliveries } from '../deliveries.ts';
import type { CreatorId } from '../ids.ts';
import type { Attachment, ConversationNews } from '../message.ts';
import { conversationTopic, type FanOut } from '../shared/fan-out.ts';
import { storable } from '../storable.ts';
import { keepTranscript, wordsOf } from '../store/transcripts.ts';
import type { Transcriber, Transcription } from '../transcription.ts';
import type { TranscribeParams } from './conversation.ts';
import type { Conclusion, RunEffect } from './effects.ts';
import type { ConversationKey } from './input.ts';

/** What the runner of `transcribe` needs. */
export interface TranscribeRunnerDeps {
  db: Database;
  clock: Clock;
  fanOut: FanOut;
  /** Null where nobody puts voice notes into words: those planned before are heard without. */
  transcriber: Transcriber | null;
  /** A file with its content, or null. */
  readFile(creatorId: CreatorId, id: string): Promise<{ medium: Attachment; bytes: Uint8Array } | null>;
  /** Shows on an outside channel that an answer is on its way. */
  showTyping: Deliveries['showTyping'];
}

/** The most words one message may hold, in UTF-16 units. */
const mostText = 8_000;

const failed = (reason: string): Conclusion => ({ outcome: 'failed', result: { reason } });
const done = (words: string): Conclusion => ({ outcome: 'done', result: { words } });

/** The runner of `transcribe`. A try that kept the words and died before it could say so is not repeated: the words are on record. */
export function transcribeRunner(deps: TranscribeRunnerDeps): RunEffect {
  const { db, clock, fanOut, transcriber, showTyping } = deps;

  return async ({ key, params }, signal) => {
    const { seq, until, ...wanted } = params as TranscribeParams;
    const kept = await wordsOf(db, key, seq);
    if (kept === null) return failed('gone');
    if (kept !== '') return done(kept);
    const leftMs = until - clock.wall();
    if (transcriber === null || leftMs <= 0) return failed('late');
    const heard = await within(leftMs, key, signal, (stop) => hearAll(key.creatorId, wanted, transcriber, stop));
    if (heard.outcome === 'none') return failed(heard.reason);
    if (heard.outcome === 'retry') return { outcome: 'retry', afterMs: Math.min(heard.afterMs, Math.max(0, until - clock.wall())) };
    return keep(key, seq, heard.text);
  };

  /** Work that is stopped when its time is up, and is then as if it had said so; the person sees meanwhile that they were heard. */
  async function within(
    ms: number,
    key: ConversationKey,
    signal: AbortSignal,
    work: (stop: AbortSignal) => Promise<Transcription>,
  ): Promise<Transcription> {
    const late = new AbortController();
    const cancel = clock.after(ms, () => late.abort(new Error('Late')));
    const ended = new AbortController();
    const tell = (on: boolean) => publish(key, { type: 'typing', on });
    tell(true);
    void showTyping(key, AbortSignal.any([signal, ended.signal]));
    try {
      return await work(AbortSignal.any([signal, late.signal]));
    } catch (error) {
      if (signal.aborted || !late.signal.aborted) throw error;
      return { outcome: 'none', reason: 'late' };
    } finally {
      cancel();
      ended.abort();
      tell(false);
    }
  }

  /** The recordings of one message, one after the other. */
  async function hearAll(
    creatorId: CreatorId,
    { recordings, language }: Pick<TranscribeParams, 'recordings' | 'language'>,
    by: Transcriber,
    signal: AbortSignal,
  ): Promise<Transcription> {
    const texts: string[] = [];
    for (const id of recordings) {
      const file = await deps.readFile(creatorId, id);
      if (file === null) return { outcome: 'none', reason: 'gone' };
      const heard = await by.transcribe({ creatorId, type: file.medium.type, bytes: file.bytes, language }, signal);
      if (heard.outcome !== 'words') return heard;
      texts.push(heard.text);
    }
    return { outcome: 'words', text: texts.join('\n') };
  }

  async function keep(key: ConversationKey, seq: number, text: string): Promise<Conclusion> {
    const words = storable(text.slice(0, mostText)).trim();
    if (words === '') return failed('nothing was said');
    if (!(await keepTranscript(db, key, seq, words))) return failed('gone');
    publish(key, { type: 'transcript', seq, text: words });
    return done(words);
  }

  function publish(key: ConversationKey, news: ConversationNews): void {
    fanOut.publish(conversationTopic(key.creatorId, key.conversationId), news);
  }
}
