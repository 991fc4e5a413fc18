/** One row of the log as elements: a day, or a bubble with its buttons, sources, picture and state. */
import { button, el } from './dom.ts';
import { attachmentElement, fileElement } from './files.ts';
import { splitLinks } from './links.ts';
import type { MessageFrame } from './protocol.ts';
import type { BubbleRow, Row } from './rows.ts';
import { dayName, timeOfDay } from './times.ts';
import { fill, refusalWords, type Words } from './words.ts';

/** How rows are written, and what their controls do. */
export interface BubbleContext {
  words: Words;
  language: string;
  now: number;
  isOnline: boolean;
  /** The server's origin, which links to files start from. */
  server: string;
  link: (id: string) => Promise<string>;
  press: (messageSeq: number, button: { id: string; title: string }) => void;
  retry: (id: string) => void;
  discard: (id: string) => void;
}

/** The row as a new element. */
export function rowElement(row: Row, context: BubbleContext): HTMLElement {
  if (row.kind === 'day') return el('div', { class: 'day' }, el('span', {}, dayName(row.at, context.now, context.language, context.words)));
  const { message, state, joins } = row;
  const side = message.role === 'contact' ? 'mine' : 'theirs';
  const body = el('div', { class: message.transcribed ? 'bubble spoken' : 'bubble', dir: 'auto' }, ...textNodes(message.text));
  const article = el('div', { class: `row ${side} ${message.role} ${state}${joins ? ' joins' : ''}`, role: 'article' });
  const writer = { contact: context.words.you, coach: context.words.coach, person: context.words.person }[message.role];
  article.append(el('span', { class: joins || message.role !== 'person' ? 'hidden' : 'writer' }, writer));
  if (message.media) article.append(mediaElement(message.media));
  for (const file of message.attachments ?? []) article.append(attachmentElement(file, context.language, context.server, context.link));
  if (message.text !== '' || state === 'stream') article.append(body);
  if (message.citations) article.append(sources(message.citations, context));
  // Several of the options are chosen in the control for the question.
  if (message.buttons && message.input?.type !== 'choices') article.append(offer(row, context));
  article.append(foot(row, context));
  return article;
}

/** The text, its links as links. */
export function textNodes(text: string): (Node | string)[] {
  return splitLinks(text).map((part) =>
    part.href === undefined ? part.text : el('a', { href: part.href, target: '_blank', rel: 'noopener noreferrer' }, part.text),
  );
}

function mediaElement({ url, kind, alt }: NonNullable<MessageFrame['media']>): HTMLElement {
  const isSafe = URL.canParse(url) && new URL(url).protocol === 'https:';
  return fileElement({ kind, url: isSafe ? url : '', label: alt || (kind !== 'image' && isSafe ? url : '') });
}

function sources(citations: NonNullable<MessageFrame['citations']>, { words }: BubbleContext): HTMLElement {
  const list = el('div', { class: 'sources', role: 'group', 'aria-label': words.sources });
  for (const [index, citation] of citations.entries()) {
    const page = citation.page === undefined ? '' : ` · ${fill(words.page, citation.page)}`;
    const source = el(
      'details',
      {},
      el('summary', {}, el('span', { class: 'number' }, String(index + 1)), el('span', {}, el('bdi', {}, citation.title), page)),
      el('blockquote', { dir: 'auto' }, citation.quote),
    );
    // What is opened below the edge is brought into view.
    source.addEventListener('toggle', () => source.open && source.scrollIntoView({ block: 'nearest' }));
    list.append(source);
  }
  return list;
}

function offer(row: BubbleRow, { press }: BubbleContext): HTMLElement {
  const choices = row.message.buttons ?? [];
  const isList = choices.length > 5 || choices.some(({ section, description }) => section !== '' || description !== '');
  const group = el('div', { class: isList ? 'offer list' : 'offer', role: 'group' });
  let above = '';
  for (const choice of choices) {
    if (choice.section !== above) group.append(el('div', { class: 'section', dir: 'auto' }, choice.section));
    above = choice.section;
    const element = button({ class: 'choice', dir: 'auto' }, () => press(row.message.seq, choice), choice.title);
    if (choice.description !== '') element.append(el('small', {}, choice.description));
    element.disabled = row.offer !== 'active';
    if (row.chosen === choice.id) element.classList.add('chosen');
    if (row.chosen !== null) element.setAttribute('aria-pressed', String(row.chosen === choice.id));
    group.append(element);
  }
  return group;
}

function foot(row: BubbleRow, context: BubbleContext): HTMLElement {
  const { words } = context;
  if (row.state === 'stream') return el('div', { class: 'foot hidden' });
  if (row.state === 'waiting') return el('div', { class: 'foot' }, context.isOnline ? words.sending : words.queued);
  if (row.state === 'refused') {
    const { id } = row.message;
    const retry = button({ class: 'link' }, () => context.retry(id), words.retry);
    const discard = button({ class: 'link' }, () => context.discard(id), words.discard);
    return el('div', { class: 'foot refusal' }, el('span', {}, refusalWords(words, row.refusal)), retry, discard);
  }
  const at = Date.parse(row.message.at);
  return el('div', { class: 'foot' }, el('time', { datetime: row.message.at }, timeOfDay(at, context.language)));
}
