/** Checks that what is said fits the declared channels, with buttons and lists as numbered text where a channel has none of them. */
import type { Definition } from './definition.ts';
import { type Finding, pointerTo, problem } from './finding.ts';
import { readTemplate } from './templates.ts';

/** The most characters of one text message: WhatsApp Cloud API `text.body`, Telegram Bot API `sendMessage`. */
const longest: Readonly<Record<string, number>> = { whatsapp: 4096, telegram: 4096 };

interface Wording {
  text: string;
  buttons?: readonly { title: string }[] | undefined;
  list?:
    | { sections: readonly { title?: string | undefined; rows: readonly { title: string; description?: string | undefined }[] }[] }
    | undefined;
}

/** Every content in every language. */
export function checkChannels({ meta, content }: Definition): readonly Finding[] {
  const limited = (meta.channels ?? []).filter((channel) => Object.hasOwn(longest, channel));
  return Object.entries(content).flatMap(([name, languages]) =>
    Object.entries(languages).flatMap(([language, wording]) =>
      limited.flatMap((channel) => checkWording(wording as Wording, channel, name, pointerTo('content', name, language))),
    ),
  );
}

function checkWording(wording: Wording, channel: string, name: string, pointer: string): readonly Finding[] {
  const most = longest[channel] ?? Number.POSITIVE_INFINITY;
  const options = optionsOf(wording);
  if (options.length === 0 || lengthOf(wording.text) + options.length <= most) return [];
  const words = `"${name}" does not fit ${channel}: with its options as numbered text it has more than ${most} characters`;
  return [problem('does-not-fit', pointer, words)];
}

/** The options as numbered lines, as a channel without buttons shows them. */
function optionsOf({ buttons = [], list }: Wording): string {
  const rows = list?.sections.flatMap((section) => section.rows.map((row) => [row.title, row.description ?? ''].join(' '))) ?? [];
  const titles = [...buttons.map(({ title }) => title), ...rows];
  return titles.map((title, index) => `\n${index + 1}. ${title}`).join('');
}

/** The characters that are there before any `{{ }}` is filled in. */
function lengthOf(text: string): number {
  return (readTemplate(text) ?? []).reduce((sum, piece) => sum + ('text' in piece ? piece.text.length : 0), 0);
}
