import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CreatorId } from '../../src/ids.ts';
import { createTranscriber } from '../../src/media/transcriber.ts';
import type { Recording } from '../../src/transcription.ts';
import { manualClock } from '../support/clock.ts';
import { keptLog } from '../support/kept-log.ts';
import { recordingOf, startTranscriber, type TranscriberFault, type TranscriberStandIn } from '../support/transcriber-stand-in.ts';

const clock = manualClock(0);
let standIn: TranscriberStandIn;
beforeEach(async () => {
  standIn = await startTranscriber();
});
afterEach(() => standIn.close());

const [ana, bea] = ['ana', 'bea'] as CreatorId[] as [CreatorId, CreatorId];
const never = new AbortController().signal;

function voice(words = 'Seven hours', parts: Partial<Recording> = {}): Recording {
  return { creatorId: ana, type: 'audio/ogg', bytes: recordingOf(words), language: 'pt-BR', ...parts };
}

function open({ url = standIn.url, apiKey = null as string | null } = {}) {
  const { log, lines } = keptLog();
  return { transcriber: createTranscriber({ url, model: 'whisper-1', apiKey, fetch, clock, log }), lines };
}

describe('a recording', () => {
  it('is sent in the form OpenAI documents, under a name that tells nothing of its sender', async () => {
    const { transcriber } = open({ apiKey: 'sk-1' });
    expect(await transcriber.transcribe(voice(), never)).toEqual({ outcome: 'words', text: 'Seven hours' });
    expect(standIn.calls).toEqual([
      {
        authorization: 'Bearer sk-1',
        fields: { model: 'whisper-1', response_format: 'json', language: 'pt' },
        file: { name: 'recording.ogg', type: 'audio/ogg', bytes: recordingOf('Seven hours') },
      },
    ]);
  });

  it.each([
    ['without a key', {}, {}, { authorization: null }],
    ['in a language nobody told of', {}, { language: null }, { fields: { model: 'whisper-1', response_format: 'json' } }],
    ['of a browser', {}, { type: 'audio/webm' }, { file: { name: 'recording.webm' } }],
    ['at an address that ends with /v1', { suffix: '/v1' }, {}, { file: { name: 'recording.ogg' } }],
  ])('%s', async (_name, { suffix = '' }: { suffix?: string }, parts, expected) => {
    const { transcriber } = open({ url: `${standIn.url}${suffix}` });
    expect(await transcriber.transcribe(voice('Hm', parts), never)).toEqual({ outcome: 'words', text: 'Hm' });
    expect(standIn.calls).toMatchObject([expected]);
  });

  it.each(['', ' ', '[BLANK_AUDIO]', ' (wind blowing) [MUSIC]\n', '♪'])('in which nobody speaks has no words: %j', async (heard) => {
    standIn.hear = () => heard;
    expect(await open().transcriber.transcribe(voice(), never)).toEqual({ outcome: 'none', reason: 'nothing was said' });
  });

  it('is heard as one line', async () => {
    standIn.hear = () => ' I slept\n well (mostly).\n';
    expect(await open().transcriber.transcribe(voice(), never)).toEqual({ outcome: 'words', text: 'I slept well (mostly).' });
  });

  it('too large is not sent', async () => {
    const bytes = new Uint8Array(10 * 1024 * 1024 + 1);
    expect(await open().transcriber.transcribe(voice('', { bytes }), never)).toEqual({
      outcome: 'none',
      reason: 'the recording is too large',
    });
    expect(standIn.calls).toEqual([]);
  });
});

describe('a server that', () => {
  it.each<[string, TranscriberFault, object]>([
    ['has broken down is asked again', 500, { outcome: 'retry', reason: 'status 500', afterMs: 1_000 }],
    ['is busy is asked again', 429, { outcome: 'retry', reason: 'status 429' }],
    ['hangs up is asked again', 'cut-off', { outcome: 'retry' }],
    ['does not take the key is not', 401, { outcome: 'none', reason: 'status 401' }],
    ['cannot read the format is not', 415, { outcome: 'none', reason: 'status 415' }],
    ['answers with a page is not', 'html', { outcome: 'none', reason: 'the answer is no transcript' }],
    ['answers with other JSON is not', 'no-text', { outcome: 'none', reason: 'the answer is no transcript' }],
    ['answers without end is not', 'too-large', { outcome: 'none', reason: 'the answer is too large' }],
  ])('%s', async (_name, fault, expected) => {
    standIn.faults = [fault];
    const { transcriber, lines } = open();
    expect(await transcriber.transcribe(voice('a secret'), never)).toMatchObject(expected);
    expect(lines.join('\n')).not.toContain('secret');
  });

  it('is not there is asked again', async () => {
    const { transcriber } = open({ url: 'http://127.0.0.1:9' });
    expect(await transcriber.transcribe(voice(), never)).toMatchObject({ outcome: 'retry' });
  });

  it('does not answer is waited for until the signal, whose reason it is', async () => {
    standIn.faults = ['silent'];
    const late = new AbortController();
    const asked = open().transcriber.transcribe(voice(), late.signal);
    late.abort(new Error('Late'));
    await expect(asked).rejects.toThrow('Late');
  });

  it('has failed three times is left alone for half a minute', async () => {
    standIn.faults = [500, 500, 500, null];
    const { transcriber } = open();
    const outcomes: string[] = [];
    for (let n = 0; n < 4; n += 1) outcomes.push((await transcriber.transcribe(voice(), never)).outcome);
    expect(outcomes).toEqual(['retry', 'retry', 'retry', 'none']);
    expect(standIn.calls).toHaveLength(3);
    clock.advance(30_000);
    expect(await transcriber.transcribe(voice(), never)).toMatchObject({ outcome: 'words' });
  });

  it('is slow takes two recordings of one creator and four in all; the others wait their turn', async () => {
    standIn.faults = ['silent'];
    const stop = new AbortController();
    const { transcriber } = open();
    const hanging = [ana, ana, bea, bea].map((creatorId) => transcriber.transcribe(voice('x', { creatorId }), stop.signal));
    const third = 'cia' as CreatorId;
    for (const creatorId of [ana, bea, third]) {
      expect(await transcriber.transcribe(voice('x', { creatorId }), never)).toEqual({ outcome: 'retry', reason: 'busy', afterMs: 500 });
    }
    stop.abort(new Error('Late'));
    expect((await Promise.allSettled(hanging)).map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
  });
});
