/** The line to write in: Enter sends, Shift+Enter breaks the line, and it grows with its text. Files wait beside it until they are sent. */
import { maxTextLength } from './chat.ts';
import { button, el, icon, icons } from './dom.ts';
import { acceptedFiles } from './files.ts';
import type { LinkedFile } from './protocol.ts';
import { shrink } from './shrink.ts';
import { fill, type Words } from './words.ts';

/** The composer of one panel. */
export interface Composer {
  readonly element: HTMLElement;
  focus(): void;
  /** Uploads a file, which then waits to be sent. */
  attach(file: File): void;
  setWords(words: Words, placeholder: string): void;
  /** Whether anything can be sent at all. */
  setEnabled(isEnabled: boolean): void;
}

/** What the composer does with what is written and chosen. */
export interface ComposerActions {
  send: (text: string, files: readonly LinkedFile[]) => void;
  typing: () => void;
  upload: (file: Blob, name: string) => Promise<LinkedFile>;
}

const maxFiles = 5;

/** An empty composer. */
export function createComposer(on: ComposerActions): Composer {
  const field = el('textarea', { rows: '1', maxlength: String(maxTextLength), enterkeyhint: 'send', dir: 'auto', autocomplete: 'off' });
  const send = el('button', { type: 'submit', class: 'send' }, icon(icons.send));
  const chooser = el('input', { type: 'file', accept: acceptedFiles, multiple: '', hidden: '' });
  const attach = button({ class: 'icon attach' }, () => chooser.click(), icon(icons.attach));
  const list = el('ul', { class: 'files', hidden: '' });
  const form = el('form', { class: 'composer' }, list, attach, chooser, field, send);
  /** Chosen files; null while one is on its way up. */
  const files = new Map<HTMLElement, LinkedFile | null>();
  let words: Words;

  function refresh(): void {
    const isReady = [...files.values()].every((file) => file !== null) && (files.size > 0 || field.value.trim() !== '');
    send.disabled = field.disabled || !isReady;
    attach.disabled = field.disabled || files.size >= maxFiles;
    list.hidden = list.childElementCount === 0;
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight}px`;
  }

  function submit(): void {
    if (send.disabled) return;
    on.send(
      field.value,
      [...files.values()].filter((file) => file !== null),
    );
    field.value = '';
    files.clear();
    list.replaceChildren();
    refresh();
    field.focus();
  }

  async function add(file: File): Promise<void> {
    const name = el('span', { dir: 'auto' }, file.name);
    const chip = el('li', { class: 'file' }, name);
    const remove = button({ class: 'link', 'aria-label': fill(words.remove, file.name) }, drop, '✕');
    function drop(): void {
      files.delete(chip);
      chip.remove();
      refresh();
      field.focus();
    }
    chip.append(remove);
    list.append(chip);
    files.set(chip, null);
    chip.classList.add('pending');
    refresh();
    try {
      const uploaded = await on.upload(await shrink(file), file.name);
      if (files.has(chip)) files.set(chip, uploaded);
    } catch {
      // Whatever the reason, the person sees which file is not there and may choose it again.
      files.delete(chip);
      name.textContent = `${file.name}: ${words.refused}`;
      chip.classList.add('failed');
      chip.setAttribute('role', 'alert');
    }
    chip.classList.remove('pending');
    refresh();
  }

  function addAll(chosen: Iterable<File>): void {
    for (const file of [...chosen].slice(0, maxFiles - files.size)) void add(file);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  chooser.addEventListener('change', () => {
    addAll(chooser.files ?? []);
    chooser.value = '';
  });
  field.addEventListener('paste', (event) => addAll(event.clipboardData?.files ?? []));
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
    attach(file) {
      addAll([file]);
      field.focus({ preventScroll: true });
    },
    setWords(next, placeholder) {
      words = next;
      const text = placeholder || words.placeholder;
      field.placeholder = text;
      field.setAttribute('aria-label', text);
      send.setAttribute('aria-label', words.send);
      attach.setAttribute('aria-label', words.attach);
    },
    setEnabled(isEnabled) {
      field.disabled = !isEnabled;
      refresh();
    },
  };
}
