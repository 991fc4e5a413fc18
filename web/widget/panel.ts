/** The chat panel: title, progress, notices, log and composer, drawn from the chat's state. */
import type { Appearance } from './appearance.ts';
import type { BubbleContext } from './bubbles.ts';
import type { Chat, Notice } from './chat.ts';
import { createComposer } from './composer.ts';
import { button, el, icon, icons } from './dom.ts';
import { createLog } from './log.ts';
import type { MessageFrame } from './protocol.ts';
import { createQuestions } from './questions.ts';
import { openQuestion, rowsOf } from './rows.ts';
import { fill, type Words } from './words.ts';

/** How the panel is written. */
export interface PanelLook {
  appearance: Appearance;
  words: Words;
  language: string;
  direction: 'ltr' | 'rtl';
}

/** The panel of one element. */
export interface Panel {
  readonly element: HTMLElement;
  /** Draws what has changed. */
  draw(chat: Chat, now: number): void;
  setLook(look: PanelLook): void;
  /** Shows a notice in plain words until it is closed or the next message comes. */
  notify(notice: Notice): void;
  /** Says a whole message once to assistive technology. */
  announce(message: MessageFrame): void;
  focus(): void;
  follow(): void;
}

/** What a panel asks of its element. */
export interface PanelActions {
  close: () => void;
  isInline: boolean;
  /** Turns the sound on or off, and tells which. */
  toggleSound: () => boolean;
  isSoundOn: () => boolean;
}

/** A panel with a closing button unless it is inline. */
export function createPanel(look: PanelLook, chat: () => Chat, on: PanelActions): Panel {
  let current = look;
  let notice: Notice | null = null;
  const title = el('h2', { class: 'title', dir: 'auto' });
  const subtitle = el('p', { class: 'subtitle', dir: 'auto' });
  const progress = el('p', { class: 'progress', hidden: '' });
  const close = button({ class: 'icon' }, on.close, icon(icons.close));
  close.hidden = on.isInline;
  const sound = button({ class: 'icon' }, () => drawSound(on.toggleSound()));
  const avatar = el('img', { class: 'avatar', alt: '', referrerpolicy: 'no-referrer' });
  // Not there, or not allowed by the site's policy.
  avatar.addEventListener('error', () => {
    avatar.hidden = true;
  });
  const header = el('header', { class: 'header' }, avatar, el('div', { class: 'names' }, title, subtitle, progress), sound, close);
  const status = el('div', { class: 'status', role: 'status' });
  const announcer = el('div', { class: 'hidden', 'aria-live': 'polite', 'aria-atomic': 'true' });
  const log = createLog();
  const questions = createQuestions(
    { answer: (text) => chat().send(text), attach: (file) => composer.attach(file) },
    async () => (await import(/* @vite-ignore */ `${chat().server}/widget-questions.js`)).createAsking,
  );
  const composer = createComposer({
    send: (text, files) => chat().send(text, files),
    typing: () => chat().typing(),
    upload: (file, name) => chat().upload(file, name),
  });
  const element = el('section', { class: 'panel' }, header, status, log.element, questions.element, composer.element, announcer);

  function drawSound(isOn: boolean): void {
    sound.setAttribute('aria-pressed', String(isOn));
    sound.replaceChildren(icon(isOn ? icons.sound : icons.silent));
  }

  function statusText(state: Chat): string {
    const { words } = current;
    if (state.connection === 'stopped' || notice?.kind === 'forbidden') return words.forbidden;
    if (state.connection === 'waiting') return words.offline;
    if (notice?.kind === 'new_session') return words.newSession;
    if (notice?.kind === 'server') return words.serverError;
    // A moment of connecting is not worth a word; a wait that follows a failure has said its own.
    return '';
  }

  function drawStatus(state: Chat): void {
    const text = statusText(state);
    if (status.textContent !== text) status.textContent = text;
    status.hidden = text === '';
    status.classList.toggle('calm', notice?.kind === 'new_session' && state.connection === 'online');
  }

  function drawProgress(state: Chat): void {
    const { words } = current;
    const { points, streak } = state.record.progress ?? { points: 0, streak: 0 };
    const parts = [points > 0 && fill(words.points, points), streak > 1 && fill(words.streak, streak)].filter((part) => part !== false);
    progress.textContent = parts.join(' · ');
    progress.hidden = parts.length === 0;
  }

  function setLook(next: PanelLook): void {
    current = next;
    const { appearance, words } = next;
    element.dir = next.direction;
    element.lang = next.language;
    element.setAttribute('aria-label', appearance.title || words.title);
    if (!on.isInline) element.setAttribute('role', 'dialog');
    title.textContent = appearance.title || words.title;
    subtitle.textContent = appearance.subtitle;
    subtitle.hidden = appearance.subtitle === '';
    if (avatar.getAttribute('src') !== appearance.avatar) {
      avatar.src = appearance.avatar;
      avatar.hidden = appearance.avatar === '';
    }
    close.setAttribute('aria-label', words.close);
    sound.setAttribute('aria-label', words.sound);
    log.setWords(words);
    log.setEmpty(appearance.greeting || words.empty);
    composer.setWords(words, appearance.placeholder);
  }

  setLook(look);
  drawSound(on.isSoundOn());
  return {
    element,
    setLook,
    draw(state, now) {
      const context: BubbleContext = {
        words: current.words,
        language: current.language,
        now,
        isOnline: state.connection === 'online',
        server: state.server,
        link: state.link,
        press: state.press,
        retry: state.retry,
        discard: state.discard,
      };
      if (state.connection === 'waiting' && notice?.kind === 'server') notice = null;
      drawStatus(state);
      drawProgress(state);
      composer.setEnabled(state.connection !== 'stopped');
      questions.show(openQuestion(state.record, state.waiting), current.words, current.language);
      log.show(rowsOf(state.record, state.waiting, now), state.record.typing && state.record.streams.length === 0, context);
    },
    notify(next) {
      notice = next;
      drawStatus(chat());
    },
    announce(message) {
      if (notice?.kind === 'server') notice = null;
      const buttons = (message.buttons ?? []).map((choice) => choice.title).join(', ');
      const writer = message.role === 'person' ? current.words.person : current.words.coach;
      announcer.textContent = `${writer}: ${message.text}${buttons === '' ? '' : ` (${buttons})`}`;
    },
    focus: composer.focus,
    follow: log.follow,
  };
}
