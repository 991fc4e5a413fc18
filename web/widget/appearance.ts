/** The creator's widget configuration as the widget uses it, read leniently from what the server sends. */
import { fieldsOf, listOf, textOf } from './protocol.ts';

/** How the widget looks and what it says before anyone writes. Empty text means: the default. */
export interface Appearance {
  title: string;
  subtitle: string;
  greeting: string;
  placeholder: string;
  launcher: string;
  /** `#rrggbb`, or empty. */
  accent: string;
  scheme: 'auto' | 'light' | 'dark';
  side: 'left' | 'right';
  /** `https://…`, or empty. */
  avatar: string;
  /** Where the bubble is shown: paths, `*` for anything. Nothing in `show` means everywhere. */
  pages: { show: readonly string[]; hide: readonly string[] };
  /** Milliseconds after which the bubble opens by itself; null for never. */
  openAfterMs: number | null;
  /** BCP 47 tags the creator writes in; empty means any. */
  languages: readonly string[];
}

/** Reads the configuration; whatever is missing or of another shape gets its default. */
export function readAppearance(config: unknown): Appearance {
  const fields = fieldsOf(config);
  const theme = fieldsOf(fields.theme);
  const texts = fieldsOf(fields.texts);
  const pages = fieldsOf(fields.pages);
  const accent = textOf(theme.accent);
  const scheme = textOf(theme.scheme);
  return {
    title: shortText(texts.title),
    subtitle: shortText(texts.subtitle),
    greeting: shortText(texts.greeting),
    placeholder: shortText(texts.placeholder),
    launcher: shortText(texts.launcher),
    accent: /^#[0-9a-f]{6}$/i.test(accent) ? accent.toLowerCase() : '',
    scheme: scheme === 'light' || scheme === 'dark' ? scheme : 'auto',
    side: textOf(fields.position) === 'left' ? 'left' : 'right',
    languages: textsOf(fields.languages),
    avatar: textOf(fields.avatar).startsWith('https://') ? textOf(fields.avatar) : '',
    pages: { show: textsOf(pages.show), hide: textsOf(pages.hide) },
    openAfterMs: typeof fields.open_after_s === 'number' ? fields.open_after_s * 1000 : null,
  };
}

/** The first of the person's languages that the creator writes in, else the creator's first, else the person's first. */
export function chooseLanguage(persons: readonly string[], creators: readonly string[]): string {
  const primary = (tag: string) => tag.split('-')[0]?.toLowerCase();
  const shared = persons.find((tag) => creators.some((offered) => primary(offered) === primary(tag)));
  return (creators.length === 0 ? persons[0] : (shared ?? creators[0])) ?? 'en';
}

/** Black or white, whichever is read better on the colour (WCAG 2.2, relative luminance). */
export function inkOn(color: string): '#000000' | '#ffffff' {
  const channel = (at: number) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
  return (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) ? '#000000' : '#ffffff';
}

/** Whether the bubble is shown on a page of this path. */
export function isShownOn(path: string, { show, hide }: Appearance['pages']): boolean {
  const fits = (pattern: string) => matches(pattern, path);
  return !hide.some(fits) && (show.length === 0 || show.some(fits));
}

/** `*` stands for anything. Without a regular expression, which many stars would make slow. */
function matches(pattern: string, path: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return path === pattern;
  let at = path.startsWith(first) ? first.length : -1;
  for (const part of rest) {
    const found = at < 0 ? -1 : path.indexOf(part, at);
    at = found < 0 ? -1 : found + part.length;
  }
  return at >= 0 && path.length - last.length >= at && path.endsWith(last);
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((item) => typeof item === 'string');
}

function shortText(value: unknown): string {
  return textOf(value).slice(0, 300);
}
