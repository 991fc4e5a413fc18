/** How a message looks on Telegram: pure, plain text within the limits of the Bot API, options as an inline keyboard. */
import type { Attachment } from '../../message.ts';
import type { Part, Showable, Shown } from '../channel.ts';
import { buttonKey, captionOf, fileText, linkText, publicMedia, titleOf, withWords, wordsOf } from '../rendering.ts';
import { splitText } from '../split-text.ts';

/** The limits: texts in UTF-16 units, titles in code points, `callback_data` in bytes. */
export const telegramLimits = { text: 4_096, caption: 1_024, buttons: 20, buttonTitle: 60, callbackData: 64 } as const;

/** Titles up to this length stand side by side. */
const sideBySide = 12;

/** The bubbles of a message. Text goes as it is, without a parse mode, so that markup in it is shown and not obeyed. */
export function renderTelegram(message: Showable): readonly Part[] {
  const media = mediaPart(message);
  const files = (message.body.attachments ?? []).map((file) => filePart(file, message));
  return withWords([...(media ? [media] : []), ...files], message, () => worded(message));
}

function worded(message: Showable): readonly Part[] {
  const { buttons = [] } = message.body;
  const asKeyboard = buttons.length > 0 && buttons.length <= telegramLimits.buttons && buttons.every((button) => fits(titleOf(button)));
  const pieces = splitText(wordsOf(message.body, !asKeyboard), telegramLimits.text);
  const last = pieces.pop() ?? '';
  const keyboard = asKeyboard ? { reply_markup: { inline_keyboard: keyboardOf(message) } } : {};
  return [...pieces.map((text) => ({ shown: textOf(text), plain: null })), { shown: { ...textOf(last), ...keyboard }, plain: null }];
}

function textOf(text: string): Shown {
  return { method: 'sendMessage', text, link_preview_options: { is_disabled: true } };
}

function fits(title: string): boolean {
  return title !== '' && [...title].length <= telegramLimits.buttonTitle;
}

function keyboardOf(message: Showable): object[][] {
  const keys = (message.body.buttons ?? []).map((button, ordinal) => ({
    text: titleOf(button),
    callback_data: buttonKey(message, ordinal),
  }));
  const inOneRow = keys.length <= 3 && keys.every(({ text }) => [...text].length <= sideBySide);
  return inOneRow ? [keys] : keys.map((key) => [key]);
}

const methods: Readonly<Record<string, readonly [method: string, field: string]>> = {
  image: ['sendPhoto', 'photo'],
  audio: ['sendAudio', 'audio'],
  video: ['sendVideo', 'video'],
};

function mediaPart({ body }: Showable): Part | null {
  const media = publicMedia(body);
  if (media === null) return null;
  const [method, field] = methods[media.kind] ?? ['sendDocument', 'document'];
  return { shown: { method, [field]: media.url, ...captionOf(media, telegramLimits.caption) }, plain: textOf(linkText(media)) };
}

/** The method and the field of each type that Telegram plays or shows by itself; any other is a document. */
const fileMethods: Readonly<Record<string, readonly [method: string, field: string]>> = {
  'image/jpeg': ['sendPhoto', 'photo'],
  'image/png': ['sendPhoto', 'photo'],
  'image/webp': ['sendPhoto', 'photo'],
  'audio/ogg': ['sendVoice', 'voice'],
  'audio/mpeg': ['sendAudio', 'audio'],
  'audio/mp4': ['sendAudio', 'audio'],
  'video/mp4': ['sendVideo', 'video'],
};

/** The bytes go along under the name of the field. */
function filePart(file: Attachment, message: Showable): Part {
  const [method, field] = fileMethods[file.type] ?? ['sendDocument', 'document'];
  return { shown: { method, field }, plain: textOf(fileText(file, message)), file };
}
