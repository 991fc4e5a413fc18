/** Turns text into lexemes: words as ranking and evidence compare them, the same for passages and questions. */
import { fold, languageOf, rulesOf } from './languages.ts';

/** Splits Chinese, Japanese and Thai too, where white space does not. */
const segmenter = new Intl.Segmenter('en', { granularity: 'word' });
const maxWordChars = 64;
/** Enough to know a language by. */
const sampleChars = 20_000;

/** The words of the text, folded, in order. */
export function wordsOf(text: string): string[] {
  return rawWordsOf(text).map((word) => fold(word).slice(0, maxWordChars));
}

/** Words as they are written. The segmenter holds names such as `app.get` and `max_size` together; whoever asks does not. */
function rawWordsOf(text: string): string[] {
  const words: string[] = [];
  for (const { segment, isWordLike } of segmenter.segment(text)) {
    if (isWordLike) words.push(...(/\p{L}/u.test(segment) ? segment.split(/[._:]+/).filter((part) => part !== '') : [segment]));
  }
  return words;
}

/** Where a capital begins a word within one. Not in `mRNA`, `IgG` or `CYP2D6`: single letters and the ends of symbols say nothing apart. */
const capital = /(?<=\p{L}\p{Ll})(?=\p{Lu}[\p{L}\d])|(?<=\p{L}\d)(?=\p{Lu}\p{Ll})/u;

/** The words, and of those joined by capitals (`createServer`) their parts too. */
function termsOf(text: string): string[] {
  return rawWordsOf(text).flatMap((word) => {
    const parts = word.split(capital);
    return (parts.length === 1 ? parts : [word, ...parts]).map((part) => fold(part).slice(0, maxWordChars));
  });
}

/** The language of the text as an ISO 639-1 code; null when it is none we know or too little text to tell. */
export function detectLanguage(text: string): string | null {
  return languageOf(wordsOf(text.slice(0, sampleChars)));
}

/** The stemmed words of the text without stop words, in order, repeats included. */
export function lexemesOf(text: string, language: string | null): string[] {
  return termsOf(text).flatMap((word) => lexemeOf(word, language) ?? []);
}

/** The stem of a folded word; null for a stop word. A word of no language we know stands for itself. */
function lexemeOf(word: string, language: string | null): string | null {
  const rules = rulesOf(language);
  if (rules === null) return word;
  const plain = (word.endsWith("'s") ? word.slice(0, -2) : word).replace(rules.elided ?? '', '');
  return rules.stops.has(plain) || rules.stops.has(word) ? null : rules.stem(plain);
}

/** How often each lexeme stands in the text. */
export function countLexemes(text: string, language: string | null): Map<string, number> {
  const counts = new Map<string, number>();
  for (const lexeme of lexemesOf(text, language)) counts.set(lexeme, (counts.get(lexeme) ?? 0) + 1);
  return counts;
}

/** A word of a question: its lexeme in each language that a creator's documents are in, null where it is a stop word. */
export type QuestionTerm = ReadonlyMap<string | null, string | null>;

/**
 * The words of a question. A lexeme stands once for a language: of two words that share it there, the second has the first one's only in the
 * others. Words that are stop words wherever they say anything are left out.
 */
export function questionTerms(question: string, languages: Iterable<string | null>): QuestionTerm[] {
  const asked = [...languages];
  const taken = new Set<string>();
  return [...new Set(termsOf(question))].flatMap((word) => {
    const term = new Map<string | null, string | null>();
    for (const language of asked) {
      const lexeme = lexemeOf(word, language);
      if (lexeme !== null && taken.has(`${language}/${lexeme}`)) continue;
      term.set(language, lexeme);
      taken.add(`${language}/${lexeme}`);
    }
    return [...term.values()].some((lexeme) => lexeme !== null) ? [term] : [];
  });
}
