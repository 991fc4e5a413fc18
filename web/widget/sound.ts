/** A short tone for a new message. Off until the person turns it on; the choice is kept. */
import { usableStorage } from './outbox.ts';

/** The sound of one element. */
export interface Sound {
  readonly isOn: boolean;
  /** Turns it on, with the tone as a sample, or off; tells which. */
  toggle(): boolean;
  /** Plays the tone when it is on and the browser lets it. */
  play(): void;
}

const key = 'companero:sound';

/** As the person left it. */
export function createSound(): Sound {
  const storage = usableStorage(() => window.localStorage);
  let audio: AudioContext | undefined;

  function play(): void {
    if (storage.getItem(key) === null) return;
    audio ??= new AudioContext();
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const { currentTime } = audio;
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.08, currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, currentTime + 0.25);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(currentTime + 0.25);
  }

  return {
    get isOn() {
      return storage.getItem(key) !== null;
    },
    toggle() {
      if (storage.getItem(key) === null) storage.setItem(key, '1');
      else storage.removeItem(key);
      play();
      return storage.getItem(key) !== null;
    },
    play,
  };
}
