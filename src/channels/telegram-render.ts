/** How a message looks on Telegram: pure, plain text within the limits of the Bot API, options as an inline keyboard. */
import type { Part, Showable, Shown } from './channel.ts';
import { buttonKey, linkText, publicMedia, titleOf, wordsOf } from './rendering.ts';
import { shorten, splitText } from './split-text.ts';

/** The limits: texts in UTF-16 units, titles in code points, `callback_data` in bytes. */
export const telegramLimits = { text: 4_096, caption: 1_024, buttons: 20, buttonTitle: 60, callbackData: 64 } as const;

/** Titles up to this length stand side by side. */
const sideBySide = 12;

/** The bubbles of a message. Text goes as it is, without a parse mode, so that markup in it is shown and not obeyed. */
export function renderTelegram(message: Showable): readonly Part[] {
  const { buttons = [] } = message.body;
  const asKeyboard = buttons.length > 0 && buttons.length <= telegramLimits.buttons && buttons.every((button) => fits(titleOf(button)));
  const pieces = splitText(wordsOf(message.body, !asKeyboard), telegramLimits.text);
  const last = pieces.pop() ?? '';
  const keyboard = asKeyboard ? { reply_markup: { inline_keyboard: keyboardOf(message) } } : {};
  const media = mediaPart(message);
  return [
    ...(media ? [media] : []),
    ...pieces.map((text) => ({ shown: textOf(text), plain: null })),
    { shown: { ...textOf(last), ...keyboard }, plain: null },
  ];
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
  const caption = media.alt === '' ? {} : { caption: shorten(media.alt, telegramLimits.caption) };
  return { shown: { method, [field]: media.url, ...caption }, plain: textOf(linkText(media)) };
}
