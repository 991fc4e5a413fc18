/** What all channels show alike: the words of a message, numbered options, and the keys of its buttons. Pure. */
import type { Attachment, MessageBody } from '../message.ts';
import { storable } from '../storable.ts';
import type { Part, Showable } from './channel.ts';
import { isVisible, shorten } from './split-text.ts';

/** A button's name outside: which message it stands under and which of its buttons it is. The message's id makes it unguessable. */
export interface ButtonKey {
  seq: number;
  ordinal: number;
  /** The random end of the message's id. */
  tag: string;
}

const tagLength = 12;

/** The key of a message's button: at most 40 of `[0-9a-z.]`. */
export function buttonKey(message: Showable, ordinal: number): string {
  return `${message.seq.toString(36)}.${ordinal.toString(36)}.${message.id.slice(-tagLength)}`;
}

/** Reads a key; null for what is none of ours. Whether it fits the message is for the record to say. */
export function readButtonKey(text: string): ButtonKey | null {
  const match = /^([0-9a-z]{1,10})\.([0-9a-z]{1,3})\.([0-9a-f]{12})$/.exec(text);
  if (match === null) return null;
  const [, seq = '', ordinal = '', tag = ''] = match;
  return { seq: Number.parseInt(seq, 36), ordinal: Number.parseInt(ordinal, 36), tag };
}

/** Whether the key was made for this message. */
export function fitsKey(key: ButtonKey, message: { seq: number; id: string }): boolean {
  return key.seq === message.seq && message.id.endsWith(key.tag);
}

/** The message in words: its text, the options as numbers where they are not shown as buttons, its sources. */
export function wordsOf(body: MessageBody, numbered: boolean): string {
  const options = numbered ? (body.buttons ?? []).map(({ title }, index) => `${index + 1}. ${title}`) : [];
  const sources = [...new Set((body.citations ?? []).map(({ title, page }) => (page === undefined ? title : `${title}, p. ${page}`)))];
  return [body.text, options.join('\n'), sources.map((source) => `– ${source}`).join('\n')].filter((part) => part !== '').join('\n\n');
}

/** The link of a message's picture or file where a provider can fetch it; null for others. */
export function publicMedia(body: MessageBody): { url: string; kind: string; alt: string } | null {
  return body.media !== undefined && /^https:\/\//i.test(body.media.url) ? body.media : null;
}

/** What stands below a picture, where there is anything to see in it. */
export function captionOf({ alt }: { alt: string }, most: number): { caption?: string } {
  const caption = shorten(titleOf({ title: alt }), most);
  return isVisible(caption) ? { caption } : {};
}

/** An attached file in words: its name, and where it can be fetched. */
export function fileText({ id, name }: Attachment, { fileUrls }: Showable): string {
  const url = fileUrls?.[id];
  return `📎 ${titleOf({ title: name })}${url === undefined ? '' : `\n${url}`}`;
}

/** The bubbles of a message: what is seen or heard first, then the words, unless there are none to say. */
export function withWords(shownFirst: readonly Part[], { body }: Showable, worded: () => readonly Part[]): readonly Part[] {
  const isWordless = !isVisible(wordsOf(body, true));
  return isWordless && shownFirst.length > 0 ? shownFirst : [...shownFirst, ...worded()];
}

/** A button's title as providers take it. */
export function titleOf({ title }: { title: string }): string {
  return storable(title).trim();
}

/** A picture or file in words. */
export function linkText({ url, alt }: { url: string; alt: string }): string {
  return alt.trim() === '' ? url : `${shorten(alt, 1_000)}\n${url}`;
}
