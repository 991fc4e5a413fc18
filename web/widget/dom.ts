/** Builds elements from values. Text goes in as text nodes only, so nothing of a message is ever markup. */

type Child = Node | string;

/** A new element with attributes; `class` included, `style` never (a strict content policy forbids it). */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A button that does not submit. */
export function button(attributes: Readonly<Record<string, string>>, press: () => void, ...children: readonly Child[]): HTMLButtonElement {
  const element = el('button', { type: 'button', ...attributes }, ...children);
  element.addEventListener('click', press);
  return element;
}

/** A line icon of 24 units that takes the text's colour; assistive technology skips it. */
export function icon(path: string): SVGSVGElement {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(space, 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

/** The widget's icons, as SVG paths. */
export const icons = {
  chat: 'M21 11.5a8.5 8.5 0 0 1-12.3 7.6L3.5 20.5l1.4-5.2A8.5 8.5 0 1 1 21 11.5Z',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M12 19V5m-6 6 6-6 6 6',
  attach: 'm20 11.5-8.2 8.2a5 5 0 0 1-7.1-7.1l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8',
  sound: 'M6 16v-5a6 6 0 0 1 12 0v5l1.5 2h-15L6 16Zm4 5h4',
  silent: 'M6 16v-5a6 6 0 0 1 12 0v5l1.5 2h-15L6 16Zm4 5h4M4 3l16 18',
  down: 'M12 5v14m6-6-6 6-6-6',
  picture: 'M4 5h16v14H4Zm0 11 4.5-4.5 4 4L15 13l5 5M15.5 9h.01',
  voice: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3Zm-6 8a6 6 0 0 0 12 0m-6 6v4',
  stop: 'M7 7h10v10H7Z',
  place: 'M12 21s-7-6-7-11a7 7 0 0 1 14 0c0 5-7 11-7 11Zm0-8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5',
} as const;
