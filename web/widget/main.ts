/** What the script tag does: defines the element and, when the tag names a creator, puts a bubble on the page. */
import { CompaneroChat, setHome } from './element.ts';

// Only there while the script itself runs, so it is read before anything else happens.
const tag = document.currentScript;
const creator = tag?.getAttribute('data-creator');

if (tag instanceof HTMLScriptElement && tag.src !== '') setHome(new URL(tag.src).origin);
if (customElements.get('companero-chat') === undefined) customElements.define('companero-chat', CompaneroChat);
if (tag !== null && creator) whenBodyExists(() => document.body.append(bubble(tag, creator)));

function bubble(from: Element, creatorId: string): HTMLElement {
  const element = document.createElement('companero-chat');
  element.setAttribute('creator', creatorId);
  for (const name of ['language', 'entry', 'theme', 'server']) {
    const value = from.getAttribute(`data-${name}`);
    if (value !== null) element.setAttribute(name, value);
  }
  return element;
}

function whenBodyExists(call: () => void): void {
  if (document.body !== null) call();
  else document.addEventListener('DOMContentLoaded', call, { once: true });
}
