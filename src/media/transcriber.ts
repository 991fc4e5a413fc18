/** Speech recognition by any server that takes OpenAI's `POST /v1/audio/transcriptions`: whisper.cpp, Speaches, LocalAI, OpenAI itself. */

import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import { writtenForm } from '../form-body.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import { readBounded } from '../read-bounded.ts';
import type { Recording, Transcriber, Transcription } from '../transcription.ts';
import { mediaLimits } from './media.ts';

/** Where the server is, and what it is asked. */
export interface TranscriberDeps {
  /** Without a trailing slash; a `/v1` at its end is the one of the path. */
  url: string;
  model: string;
  apiKey: string | null;
  fetch: typeof fetch;
  clock: Pick<Clock, 'wall'>;
  log: Log;
}

/** Recordings under way in this process: a recogniser takes a core or more for each. */
const mostAtOnce = 4;
const mostOfCreator = 2;
const busyMs = 500;
/** So many failures in a row, and the server is left alone for a while: nobody waits for one that is out. */
const mostFailures = 3;
const outMs = 30_000;
const retryMs = 1_000;
const mostAnswerBytes = 256 * 1024;

/** File endings by which servers know a format. */
const endings: Readonly<Record<string, string>> = {
  'audio/aac': 'aac',
  'audio/amr': 'amr',
  'audio/mp4': 'm4a',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'ogg',
  'audio/wav': 'wav',
  'audio/webm': 'webm',
};

const Answer = v.object({ text: v.string() });

const none = (reason: string): Transcription => ({ outcome: 'none', reason });

/** The speech recognition of this process. What is said is never logged. */
export function createTranscriber({ url, model, apiKey, fetch, clock, log }: TranscriberDeps): Transcriber {
  const address = `${url.replace(/\/v1$/, '')}/v1/audio/transcriptions`;
  const underWay: CreatorId[] = [];
  let failures = 0;
  let outUntil = 0;

  function failed(reason: string): Transcription {
    failures += 1;
    if (failures >= mostFailures) outUntil = clock.wall() + outMs;
    log.warn('transcriber.failed', { reason, failures });
    return { outcome: 'retry', reason, afterMs: retryMs * 2 ** Math.min(failures - 1, 3) };
  }

  async function ask(recording: Recording, signal: AbortSignal): Promise<Transcription> {
    const { body, contentType } = await writtenForm(formOf(recording, model));
    const headers = new Headers({ accept: 'application/json', 'content-type': contentType });
    if (apiKey !== null) headers.set('authorization', `Bearer ${apiKey}`);
    let response: Response;
    try {
      response = await fetch(address, {
        method: 'POST',
        headers,
        body,
        redirect: 'error',
        signal,
      });
    } catch (error) {
      const outcome = failed((error as Error).name);
      signal.throwIfAborted();
      return outcome;
    }
    return read(response, signal);
  }

  async function read(response: Response, signal: AbortSignal): Promise<Transcription> {
    const { status } = response;
    if (!response.ok) {
      await response.body?.cancel();
      if (status >= 500 || status === 429 || status === 408) return failed(`status ${status}`);
      log.warn('transcriber.refused', { status });
      return none(`status ${status}`);
    }
    try {
      const answer = await readBounded(response, mostAnswerBytes);
      failures = 0;
      return answer === null ? none('the answer is too large') : wordsOf(answer);
    } catch (error) {
      const outcome = failed((error as Error).name);
      signal.throwIfAborted();
      return outcome;
    }
  }

  return {
    async transcribe(recording, signal) {
      const { creatorId, bytes } = recording;
      if (bytes.byteLength > mediaLimits.file) return none('the recording is too large');
      if (clock.wall() < outUntil) return none('the server is out');
      if (underWay.length >= mostAtOnce || underWay.filter((one) => one === creatorId).length >= mostOfCreator) {
        return { outcome: 'retry', reason: 'busy', afterMs: busyMs };
      }
      underWay.push(creatorId);
      try {
        return await ask(recording, signal);
      } finally {
        underWay.splice(underWay.indexOf(creatorId), 1);
      }
    },
  };
}

/** The form's fields as OpenAI documents them. The file goes under a name of ours: the sender's own may tell who they are. */
function formOf({ bytes, type, language }: Recording, model: string): FormData {
  const form = new FormData();
  form.set('file', new Blob([bytes as Uint8Array<ArrayBuffer>], { type }), `recording.${endings[type] ?? 'bin'}`);
  form.set('model', model);
  form.set('response_format', 'json');
  const spoken = /^[a-z]{2}(?=-|$)/i.exec(language ?? '')?.[0];
  if (spoken !== undefined) form.set('language', spoken.toLowerCase());
  return form;
}

function wordsOf(answer: string): Transcription {
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), Answer), answer);
  if (!read.success) return none('the answer is no transcript');
  const text = read.output.text.replaceAll(/\s+/g, ' ').trim();
  return text === '' || isSilence(text) ? none('nothing was said') : { outcome: 'words', text };
}

/** What Whisper writes where nobody speaks: `[BLANK_AUDIO]`, `(wind blowing)`. */
function isSilence(text: string): boolean {
  return /^(\s*(\[[^\]]*\]|\([^)]*\)|♪))+\s*$/u.test(text);
}
