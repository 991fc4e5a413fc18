/** The line to write in: Enter sends, Shift+Enter breaks the line, and it grows with its text. */
import { maxTextLength } from './chat.ts';
import { el, icon, icons } from './dom.ts';
import type { Words } from './words.ts';

/** The composer of one panel. */
export interface Composer {
  readonly element: HTMLElement;
  focus(): void;
  setWords(words: Words, placeholder: string): void;
  /** Whether anything can be sent at all. */
  setEnabled(isEnabled: boolean): void;
}

/** An empty composer. */
export function createComposer(on: { send: (text: string) => void; typing: () => void }): Composer {
  const field = el('textarea', { rows: '1', maxlength: String(maxTextLength), enterkeyhint: 'send', dir: 'auto', autocomplete: 'off' });
  const send = el('button', { type: 'submit', class: 'send' }, icon(icons.send));
  const form = el('form', { class: 'composer' }, field, send);

  function refresh(): void {
    send.disabled = field.disabled || field.value.trim() === '';
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight}px`;
  }

  function submit(): void {
    if (send.disabled) return;
    on.send(field.value);
    field.value = '';
    refresh();
    field.focus();
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  field.addEventListener('input', () => {
    refresh();
    if (field.value !== '') on.typing();
  });
  field.addEventListener('keydown', (event) => {
    // While an input method composes, Enter chooses a word and must not send.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  send.disabled = true;

  return {
    element: form,
    focus: () => field.focus({ preventScroll: true }),
    setWords(words, placeholder) {
      const text = placeholder || words.placeholder;
      field.placeholder = text;
      field.setAttribute('aria-label', text);
      send.setAttribute('aria-label', words.send);
    },
    setEnabled(isEnabled) {
      field.disabled = !isEnabled;
      refresh();
    },
  };
}
