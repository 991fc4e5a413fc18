/** Files and media in a bubble: a picture, a player, or a link that downloads. */
import { el, icon, icons } from './dom.ts';
import type { LinkedFile } from './protocol.ts';
import { locale } from './times.ts';

/** Files a chooser offers: what the server takes. */
export const acceptedFiles = 'image/*,audio/*,video/*,.pdf,.txt';

/** A file to show. */
export interface ShownFile {
  kind: string;
  url: string;
  /** What stands for it where it cannot be seen. */
  label: string;
  /** Attributes that keep its place until it is there. */
  size?: Record<string, string>;
  /** Asks for a new link once the old one no longer works. */
  renew?: () => Promise<string>;
}

/** The side of the square a picture is fitted into, in pixels. */
const pictureSidePx = 260;

/** How long a link is used without asking for a new one; the server's live an hour. */
const linkMs = 55 * 60_000;

/** The file of a message, its links renewed when they have run out. */
export function attachmentElement(file: LinkedFile, language: string, server: string, link: (id: string) => Promise<string>): HTMLElement {
  const size = new Intl.NumberFormat(locale(language), { style: 'unit', unit: 'kilobyte', maximumFractionDigits: 0 }).format(
    file.bytes / 1000,
  );
  const label = file.kind === 'file' ? `${file.name} · ${size}` : file.name;
  const absolute = (path: string) => new URL(path, server).href;
  return fileElement({
    kind: file.kind,
    label,
    url: absolute(file.url),
    size: fitted(file),
    renew: async () => absolute(await link(file.id)),
  });
}

function fitted({ width, height }: LinkedFile): Record<string, string> {
  if (!width || !height) return {};
  const scale = Math.min(1, pictureSidePx / Math.max(width, height));
  return {
    width: String(Math.round(width * scale)),
    height: String(Math.round(height * scale)),
    class: Math.max(width, height) < pictureSidePx ? '' : 'large',
  };
}

/** The server has a smaller picture behind each of its links to a picture. */
const smaller = (link: string) => `${link}&size=preview`;

/** The file as an element. What cannot be loaded becomes its label. */
export function fileElement({ kind, url, label, size, renew }: ShownFile): HTMLElement {
  if (!/^https?:\/\//.test(url)) return el('p', { class: 'media' }, label);
  if (kind === 'audio' || kind === 'video') {
    const player = el(kind, { class: 'media', src: url, controls: '', preload: 'metadata', 'aria-label': label });
    retryOnce(player, renew, () => player.replaceWith(linkTo(url, renew, label)));
    return player;
  }
  if (kind !== 'image') return linkTo(url, renew, icon(icons.attach), label);
  const src = renew === undefined ? url : smaller(url);
  const picture = el('img', { src, alt: label, loading: 'lazy', referrerpolicy: 'no-referrer', class: 'large', ...size });
  const link = linkTo(url, renew, picture);
  link.target = '_blank';
  // A site's policy may forbid pictures of other origins: the link is left.
  retryOnce(picture, renew && (async () => smaller(await renew())), () => picture.replaceWith(label));
  return link;
}

function linkTo(url: string, renew: ShownFile['renew'], ...content: (Node | string)[]): HTMLAnchorElement {
  const link = el('a', { class: 'media', href: url, rel: 'noopener noreferrer' }, ...content);
  if (renew === undefined) link.target = '_blank';
  let madeAt = Date.now();
  link.addEventListener('click', (event) => {
    if (renew === undefined || Date.now() - madeAt < linkMs) return;
    event.preventDefault();
    void renew().then(
      (fresh) => {
        madeAt = Date.now();
        link.href = fresh;
        link.click();
      },
      // Without a network nothing can be opened; the next click tries again.
      () => undefined,
    );
  });
  return link;
}

function retryOnce(element: HTMLImageElement | HTMLMediaElement, renew: ShownFile['renew'], giveUp: () => void): void {
  let isRetried = renew === undefined;
  element.addEventListener('error', () => {
    if (isRetried || renew === undefined) return giveUp();
    isRetried = true;
    renew().then((fresh) => {
      element.src = fresh;
    }, giveUp);
  });
}
