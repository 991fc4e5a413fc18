/** The controls that give more than words: a file, a picture, a voice note, a place. */
import { button, el, icon, icons } from './dom.ts';
import { canRecord, record } from './voice.ts';
import type { Words } from './words.ts';

/** What a control of this kind is made of. */
export interface Capturing {
  words: Words;
  /** The question, for those who do not see that the control belongs to it. */
  label: string;
  /** Sends words as the answer. */
  answer: (text: string) => void;
  /** Puts a file beside the line to write in, to be sent from there. */
  attach: (file: File) => void;
  /** Aborted when the control is taken away. */
  signal: AbortSignal;
}

/** A button that opens the system's chooser, which has the camera on a phone. */
export function fileControl({ label, attach }: Capturing, accept: string, title: string): HTMLElement {
  const chooser = el('input', { type: 'file', accept, hidden: '' });
  chooser.addEventListener('change', () => {
    for (const file of chooser.files ?? []) attach(file);
    chooser.value = '';
  });
  const kind = accept === 'image/*' ? icons.picture : icons.attach;
  const open = button({ class: 'choice capture', 'aria-label': `${title}: ${label}` }, () => chooser.click(), icon(kind), title);
  return el('div', { class: 'offer' }, chooser, open);
}

/** A button that records and stops; without a microphone a chooser of recordings. */
export function voiceControl(asked: Capturing): HTMLElement {
  const { words, label, signal, attach } = asked;
  const instead = () => fileControl(asked, 'audio/*', words.file);
  if (!canRecord()) return instead();
  const time = el('time', { role: 'timer' });
  const toggle = button({ class: 'choice capture' }, () => void press());
  const group = el('div', { class: 'offer' }, toggle, time);
  let stop: (() => void) | null = null;

  function draw(seconds: number | null): void {
    const isOn = seconds !== null;
    time.textContent = isOn ? lasting(seconds) : '';
    toggle.classList.toggle('recording', isOn);
    toggle.setAttribute('aria-label', `${isOn ? words.stop : words.record}: ${label}`);
    toggle.replaceChildren(icon(isOn ? icons.stop : icons.voice), isOn ? words.stop : words.record);
  }

  async function press(): Promise<void> {
    if (stop !== null) return stop();
    // Until the person has allowed it, a second press must not ask again.
    stop = () => {};
    try {
      const recording = await record({ signal, onSecond: draw });
      stop = recording.stop;
      draw(0);
      const file = await recording.file;
      if (!signal.aborted) attach(file);
    } catch {
      // No microphone, or not allowed to use it: a recording made elsewhere can still be given.
      group.replaceWith(instead());
    }
    stop = null;
    draw(null);
  }

  draw(null);
  return group;
}

/** A button that answers with where the device is, once the person has allowed it. */
export function placeControl({ words, label, answer }: Capturing): HTMLElement {
  const share = button(
    { class: 'choice capture', 'aria-label': `${words.place}: ${label}` },
    () => {
      share.disabled = true;
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => answer(`${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)}`),
        // Not allowed or not known: the place can be written.
        () => share.remove(),
        { timeout: 20_000 },
      );
    },
    icon(icons.place),
    words.place,
  );
  return el('div', { class: 'offer' }, share);
}

/** Minutes and seconds, as in 1:05. */
function lasting(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
