/** The round button that opens the bubble, with its count of unread messages. */
import { button, el, icon, icons } from './dom.ts';
import type { PanelLook } from './panel.ts';
import { fill } from './words.ts';

/** The launcher of one element. */
export interface Launcher {
  readonly element: HTMLElement;
  setLook(look: PanelLook): void;
  setState(isOpen: boolean, unread: number): void;
  focus(): void;
}

/** A launcher in its closed state. */
export function createLauncher(toggle: () => void): Launcher {
  const badge = el('span', { class: 'badge', hidden: '', 'aria-hidden': 'true' });
  const label = el('span', { class: 'label', dir: 'auto', hidden: '' });
  const element = button(
    { class: 'launcher', 'aria-expanded': 'false', 'aria-haspopup': 'dialog' },
    toggle,
    icon(icons.chat),
    label,
    badge,
  );
  let look: PanelLook | null = null;
  let isOpen = false;
  let unread = 0;

  function draw(): void {
    if (look === null) return;
    const { words, appearance } = look;
    const open = appearance.launcher || words.open;
    element.setAttribute('aria-expanded', String(isOpen));
    element.setAttribute('aria-label', isOpen ? words.close : unread > 0 ? `${open}, ${fill(words.unread, unread)}` : open);
    element.querySelector('svg')?.replaceWith(icon(isOpen ? icons.close : icons.chat));
    label.textContent = appearance.launcher;
    label.hidden = isOpen || appearance.launcher === '';
    badge.textContent = unread > 9 ? '9+' : String(unread);
    badge.hidden = unread === 0;
  }

  return {
    element,
    focus: () => element.focus(),
    setLook(next) {
      look = next;
      element.dir = next.direction;
      draw();
    },
    setState(open, count) {
      if (open === isOpen && count === unread) return;
      isOpen = open;
      unread = count;
      draw();
    },
  };
}
