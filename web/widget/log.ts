/** The scrolling log: keeps the elements of unchanged rows, follows the newest message, and says what is new once. */
import { type BubbleContext, rowElement, textNodes } from './bubbles.ts';
import { button, el, icon, icons } from './dom.ts';
import type { Row } from './rows.ts';
import type { Words } from './words.ts';

/** The log of one panel. */
export interface Log {
  readonly element: HTMLElement;
  /** Shows these rows; `isTyping` puts dots below them. */
  show(rows: readonly Row[], isTyping: boolean, context: BubbleContext): void;
  /** What stands where there is no message yet. */
  setEmpty(text: string): void;
  setWords(words: Words): void;
  /** Goes to the newest message. */
  follow(): void;
}

const nearEndPx = 80;
/** How many rows are in the page, and how many more when the person scrolls up to the first. A conversation may go on for years. */
const windowRows = 150;
const nearStartPx = 300;

/** An empty log. */
export function createLog(): Log {
  const empty = el('p', { class: 'empty', dir: 'auto' });
  const list = el('div', { class: 'rows' });
  const dots = el('div', { class: 'dots', hidden: '' }, el('i'), el('i'), el('i'));
  // The list says nothing by itself: a streamed answer would be read out letter by letter. The panel announces whole messages.
  const log = el('div', { class: 'log', role: 'log', 'aria-live': 'off', tabindex: '0' }, empty, list, dots);
  const latest = button({ class: 'latest', hidden: '' }, follow, icon(icons.down));
  const element = el('div', { class: 'log-frame' }, log, latest);
  const shown = new Map<string, { element: HTMLElement; signature: string }>();
  let latestRows: readonly Row[] = [];
  let latestContext: BubbleContext | null = null;
  let most = windowRows;

  /** How far down one could scroll when the sizes were last looked at, in pixels. */
  let lastScroll = 0;

  /**
   * Whether the person is at the end: by the sizes of now, or by those they scrolled in. A scroll is told at the next frame, before the
   * observer below is: what has taken room meanwhile was not the person going away.
   */
  function isNearEnd(): boolean {
    return Math.min(log.scrollHeight - log.clientHeight, lastScroll) - log.scrollTop < nearEndPx;
  }

  function follow(): void {
    log.scrollTop = log.scrollHeight;
    latest.hidden = true;
  }

  /** Whether the person is at the end, by where they last scrolled to. */
  let follows = true;
  // A question's controls or a longer text to write take room from the log, a picture that has come in takes some in it.
  const resized = new ResizeObserver(() => {
    lastScroll = log.scrollHeight - log.clientHeight;
    if (follows) follow();
  });
  resized.observe(log);
  resized.observe(list);

  log.addEventListener('scroll', () => {
    follows = isNearEnd();
    if (follows) latest.hidden = true;
    if (log.scrollTop < nearStartPx) showEarlier();
  });

  /** More rows above, without what the person reads moving. */
  function showEarlier(): void {
    if (latestContext === null || latestRows.length <= most) return;
    most += windowRows;
    const fromEnd = log.scrollHeight - log.scrollTop;
    place(latestRows.slice(-most), latestContext, false);
    log.scrollTop = log.scrollHeight - fromEnd;
  }

  /** The element of the row: the one shown before when nothing about it changed. */
  function elementOf(row: Row, context: BubbleContext, enters: boolean): HTMLElement {
    const known = shown.get(row.key);
    if (known !== undefined && row.kind === 'bubble' && row.state === 'stream' && known.element.classList.contains('stream')) {
      known.element.querySelector('.bubble')?.replaceChildren(...textNodes(row.message.text));
      return known.element;
    }
    const signature = JSON.stringify([row, context.language, context.isOnline || row.kind === 'day' || row.state !== 'waiting']);
    if (known?.signature === signature) return known.element;
    const element = rowElement(row, context);
    // A row that only changes its state must not move as if it had just come.
    if (known === undefined && enters) element.classList.add('enters');
    keepFocus(known?.element, element);
    shown.set(row.key, { element, signature });
    return element;
  }

  function place(rows: readonly Row[], context: BubbleContext, enters: boolean): void {
    const keys = new Set(rows.map((row) => row.key));
    for (const [key, { element: old }] of shown) {
      if (keys.has(key)) continue;
      old.remove();
      shown.delete(key);
    }
    for (const [index, row] of rows.entries()) {
      const before = shown.get(row.key)?.element;
      const wanted = elementOf(row, context, enters);
      if (before !== undefined && before !== wanted && before.parentNode === list) before.replaceWith(wanted);
      if (list.children[index] !== wanted) list.insertBefore(wanted, list.children[index] ?? null);
    }
  }

  return {
    element,
    show(rows, isTyping, context) {
      const count = latestRows.length;
      const ownLast = rows.at(-1);
      latestRows = rows;
      latestContext = context;
      place(rows.slice(-most), context, count > 0);
      empty.hidden = rows.length > 0;
      dots.hidden = !isTyping;
      const isOwn = rows.length > count && ownLast?.kind === 'bubble' && ownLast.message.role === 'contact';
      if (follows || isOwn) follow();
      else if (rows.length > count) latest.hidden = false;
    },
    setEmpty(text) {
      empty.replaceChildren(...textNodes(text));
    },
    setWords(words) {
      log.setAttribute('aria-label', words.log);
      latest.setAttribute('aria-label', words.latest);
      dots.setAttribute('aria-label', words.typing);
      dots.setAttribute('role', 'img');
    },
    follow,
  };
}

/** A replaced row keeps its open sources; the keyboard stays where it was, or goes to the log when its control is gone. */
function keepFocus(from: HTMLElement | undefined, to: HTMLElement): void {
  if (from === undefined) return;
  const details = to.querySelectorAll('details');
  for (const [index, old] of from.querySelectorAll('details').entries()) {
    const next = details[index];
    if (next !== undefined) next.open = old.open;
  }
  const root = from.getRootNode();
  const active = root instanceof ShadowRoot ? root.activeElement : null;
  if (active === null || !from.contains(active)) return;
  const textarea = (root as ShadowRoot).querySelector('textarea');
  queueMicrotask(() => textarea?.focus({ preventScroll: true }));
}
