/** How a message looks on WhatsApp: pure, within the limits of the Cloud API. */
import type { Attachment, MessageBody } from '../../message.ts';
import type { Part, Showable, Shown } from '../channel.ts';
import { buttonKey, captionOf, fileText, linkText, publicMedia, titleOf, withWords, wordsOf } from '../rendering.ts';
import { isVisible, shorten, splitText } from '../split-text.ts';

/** The limits; lengths in code points, except for texts, whose caps are kept in UTF-16 units to be on the safe side. */
export const whatsappLimits = {
  text: 4_096,
  buttons: 3,
  buttonTitle: 20,
  buttonBody: 1_024,
  rows: 10,
  rowTitle: 24,
  rowDescription: 72,
  sectionTitle: 24,
  listButton: 20,
  listBody: 4_096,
  caption: 1_024,
  imageBytes: 5 * 1024 * 1024,
} as const;

const listButton = '☰';

/** The bubbles of a message. Outside the window only its template; null where it has none. */
export function renderWhatsApp(message: Showable, freeText: boolean): readonly Part[] | null {
  const { body } = message;
  if (!freeText) return body.template === undefined ? null : [templatePart(body.template)];
  const media = mediaPart(body);
  const files = (body.attachments ?? []).map((file) => filePart(file, message));
  return withWords([...(media ? [media] : []), ...files], message, () => worded(message, optionShape(body)));
}

type OptionShape = 'none' | 'buttons' | 'list' | 'numbered';

function optionShape({ buttons = [], list }: MessageBody): OptionShape {
  const titles = new Set(buttons.map(titleOf));
  const longest = Math.max(0, ...Array.from(titles, (title) => [...title].length));
  if (buttons.length === 0) return 'none';
  if (titles.has('') || titles.size < buttons.length) return 'numbered';
  if (!list && buttons.length <= whatsappLimits.buttons && longest <= whatsappLimits.buttonTitle) return 'buttons';
  return buttons.length <= whatsappLimits.rows && longest <= whatsappLimits.rowTitle ? 'list' : 'numbered';
}

function worded(message: Showable, shape: OptionShape): Part[] {
  const cap = shape === 'buttons' ? whatsappLimits.buttonBody : whatsappLimits.text;
  const pieces = splitText(wordsOf(message.body, shape === 'numbered'), whatsappLimits.text, cap);
  const last = pieces.pop() ?? '';
  const texts = pieces.map((text) => ({ shown: textOf(text), plain: null }));
  if (shape !== 'buttons' && shape !== 'list') return [...texts, { shown: textOf(last), plain: null }];
  const interactive = shape === 'buttons' ? buttonsOf(message, last) : listOf(message, last);
  const plain = textOf(splitText(wordsOf({ ...message.body, text: last, citations: [] }, true), whatsappLimits.text)[0] ?? last);
  return [...texts, { shown: { type: 'interactive', interactive }, plain }];
}

function textOf(body: string): Shown {
  return { type: 'text', text: { body, preview_url: false } };
}

function buttonsOf(message: Showable, text: string): Shown {
  const buttons = (message.body.buttons ?? []).map((button, ordinal) => ({
    type: 'reply',
    reply: { id: buttonKey(message, ordinal), title: titleOf(button) },
  }));
  return { type: 'button', body: { text }, action: { buttons } };
}

/** The options as a list that opens: in its sections and with its descriptions where the program gave it any. */
function listOf(message: Showable, text: string): Shown {
  const { buttons = [], list } = message.body;
  const rows = buttons.map((button, ordinal) => ({ id: buttonKey(message, ordinal), title: titleOf(button) }));
  // The rows of a list are buttons too, in the same order. With more buttons than rows there is but one list of all.
  let next = 0;
  const described = list?.sections.flatMap((section) => section.rows).length === rows.length ? list : undefined;
  const sections = described?.sections.map(({ title, rows: inside }, index) => ({
    title: sectionTitle(title, index),
    rows: inside.flatMap(({ description }) => withDescription(rows[next++], description)),
  }));
  const opener = shorten(titleOf(list ?? { title: '' }), whatsappLimits.listButton);
  const action = { button: isVisible(opener) ? opener : listButton, sections: sections ?? [{ rows }] };
  return { type: 'list', body: { text }, action };
}

function withDescription(row: object | undefined, text: string): object[] {
  const description = shorten(titleOf({ title: text }), whatsappLimits.rowDescription);
  return row ? [{ ...row, ...(isVisible(description) ? { description } : {}) }] : [];
}

/** Sections are told apart by their titles: one without gets its number. */
function sectionTitle(title: string, index: number): string {
  const short = shorten(titleOf({ title }), whatsappLimits.sectionTitle);
  return isVisible(short) ? short : `${index + 1}`;
}

function mediaPart(body: MessageBody): Part | null {
  const media = publicMedia(body);
  if (media === null) return null;
  const type = ['image', 'audio', 'video'].find((kind) => kind === media.kind) ?? 'document';
  const caption = type === 'audio' ? {} : captionOf(media, whatsappLimits.caption);
  return { shown: { type, [type]: { link: media.url, ...caption } }, plain: textOf(linkText(media)) };
}

/** As what WhatsApp shows each type of file it takes; any other is sent as a link. */
const fileTypes: Readonly<Record<string, 'image' | 'audio' | 'video' | 'document'>> = {
  'image/jpeg': 'image',
  'image/png': 'image',
  'audio/aac': 'audio',
  'audio/amr': 'audio',
  'audio/mp4': 'audio',
  'audio/mpeg': 'audio',
  'audio/ogg': 'audio',
  'video/3gpp': 'video',
  'video/mp4': 'video',
  'application/pdf': 'document',
  'text/plain': 'document',
};

/** The id of the upload is added when it is sent. */
function filePart(file: Attachment, message: Showable): Part {
  const type = fileTypes[file.type];
  const words = textOf(fileText(file, message));
  if (type === undefined || (type === 'image' && file.bytes > whatsappLimits.imageBytes)) return { shown: words, plain: null };
  return { shown: { type, [type]: type === 'document' ? { filename: file.name } : {} }, plain: words, file };
}

function templatePart({ name, language, variables }: NonNullable<MessageBody['template']>): Part {
  const parameters = variables.map((text) => ({ type: 'text', text: shorten(text, whatsappLimits.buttonBody) }));
  const components = parameters.length === 0 ? {} : { components: [{ type: 'body', parameters }] };
  return { shown: { type: 'template', template: { name, language: { code: language }, ...components } }, plain: null };
}
