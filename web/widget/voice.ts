/** Records a voice note with the browser's own recorder. */

/** A recording under way. */
export interface Recording {
  stop(): void;
  /** What was recorded, once it has ended. */
  readonly file: Promise<File>;
}

const longestMs = 5 * 60_000;

/** First the kind that every browser plays. */
const kinds = ['audio/mp4;codecs=mp4a.40.2', 'audio/ogg;codecs=opus', 'audio/webm;codecs=opus'];

/** Whether this browser can record here: not on pages over plain http, and not in every app. */
export function canRecord(): boolean {
  return 'MediaRecorder' in window && navigator.mediaDevices !== undefined;
}

/**
 * Records until it is stopped, five minutes at most, and lets go of the microphone then.
 *
 * @throws DOMException without a microphone or the person's leave
 */
export async function record({ signal, onSecond }: { signal: AbortSignal; onSecond: (seconds: number) => void }): Promise<Recording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const mimeType = kinds.find((kind) => MediaRecorder.isTypeSupported(kind));
  const recorder = new MediaRecorder(stream, { audioBitsPerSecond: 32_000, ...(mimeType && { mimeType }) });
  const parts: Blob[] = [];
  const startedAt = Date.now();
  const ticking = window.setInterval(() => onSecond(Math.round((Date.now() - startedAt) / 1000)), 1000);
  const ending = window.setTimeout(stop, longestMs);

  function stop(): void {
    if (recorder.state !== 'inactive') recorder.stop();
  }

  const file = new Promise<File>((resolve) => {
    recorder.addEventListener('dataavailable', ({ data }) => parts.push(data));
    recorder.addEventListener('stop', () => {
      window.clearInterval(ticking);
      window.clearTimeout(ending);
      for (const track of stream.getTracks()) track.stop();
      const type = recorder.mimeType.split(';')[0] ?? '';
      resolve(new File(parts, `voice.${type.split('/')[1]}`, { type }));
    });
  });
  signal.addEventListener('abort', stop);
  recorder.start();
  if (signal.aborted) stop();
  return { stop, file };
}
