/** Finds the sentences of passages that speak to a question, and says when none does. */

import { lexemesOf } from './lexemes.ts';
import type { Passage, Retrieved } from './retrieve.ts';
import { sentencesOf } from './sentences.ts';

/** A sentence of a passage and how much of the question it covers. */
export interface Evidence {
  passage: Passage;
  /** Rank of the passage, from 0. */
  rank: number;
  /** Number of the sentence within its passage, from 0. */
  sentence: number;
  /** An exact substring of the passage's text. */
  quote: string;
  /** From 0 to 1: the share of the question's weight found in the sentence, its neighbours and its heading. */
  coverage: number;
}

/** How much of a question must be found close together before a passage counts as an answer: scores do not tell, words do. */
const enough = 0.55;
/** What a word counts under its heading and in a neighbouring sentence, beside 1 in the sentence itself. */
const inHeading = 0.8;
const inNeighbour = 0.6;
/** A rare word counts up to this many times a common one; one that stands in no document, in between: it may be a verb or the very subject. */
const rarest = 3;
const unknown = 1.5;
/** What a word counts that stands in place of one that no document holds: it may be quite another. */
const asGuessed = 0.7;
const maxQuoteChars = 700;
/** Messages that were merged while an answer was under way stand on lines of their own; others ask twice in one breath. */
const severalQuestions = /\n+|(?<=[?？؟])\s+/;
/** One word alone is found too easily. */
const fewestWords = 2;
const mostQuestions = 4;
const maxHeadingChars = 80;

/** What is known of a question's words. */
export type QuestionWords = Pick<Retrieved, 'rarity' | 'guesses'>;

/** How much of a question the passages hold close together, from 0 to 1. */
export function coverageOf(question: string, retrieved: Retrieved): number {
  const found = retrieved.passages.flatMap((passage, rank) => evidenceIn(question, passage, rank, retrieved));
  return Math.max(0, ...found.map(({ coverage }) => coverage));
}

/** The best sentences of the passages for the question, best first; none when no passage speaks to it. */
export function findEvidence(question: string, retrieved: Retrieved): Evidence[] {
  const found = retrieved.passages.flatMap((passage, rank) => evidenceIn(question, passage, rank, retrieved));
  return found
    .filter(({ coverage }) => coverage >= enough)
    .sort((a, b) => b.coverage - a.coverage || a.rank - b.rank || a.sentence - b.sentence);
}

/** Every sentence of one passage with what it covers, in reading order: of several questions, as much as of the one it covers best. */
export function evidenceIn(question: string, passage: Passage, rank: number, words: QuestionWords): Evidence[] {
  const asked = weightsOf(question, passage.language, words);
  if (asked.length === 0) return [];
  const guessed = new Set([...words.guesses.values()].flat());
  const sentences = sentencesIn(passage);
  return sentences.flatMap((sentence, at) => {
    if (!sentence.quotable) return [];
    const beside = [sentences[at - 1], sentences[at + 1]].filter((other) => other?.heading === sentence.heading && !other.isHeading);
    const coverages = asked.map((weights) => {
      let [covered, total] = [0, 0];
      for (const [lexeme, weight] of weights) {
        total += weight;
        covered += weight * presenceOf(lexeme, sentence, beside) * (guessed.has(lexeme) ? asGuessed : 1);
      }
      return covered / total;
    });
    return [{ passage, rank, sentence: at, quote: sentence.quote, coverage: Math.max(...coverages) }];
  });
}

/** The weights of the question's words; of several questions in one text also those of each, if it has words enough to stand alone. */
function weightsOf(question: string, language: string | null, { rarity, guesses }: QuestionWords): ReadonlyMap<string, number>[] {
  const weighed = (text: string) => {
    const lexemes = lexemesOf(text, language).flatMap((lexeme) => guesses.get(lexeme) ?? [lexeme]);
    return weigh(new Set(lexemes), rarity);
  };
  const parts = question.split(severalQuestions).map(weighed);
  const alone = parts.length > 1 ? parts.filter(({ size }) => size >= fewestWords).slice(-mostQuestions) : [];
  return [weighed(question), ...alone].filter(({ size }) => size > 0);
}

function presenceOf(lexeme: string, { words, heading }: Sentence, beside: readonly (Sentence | undefined)[]): number {
  if (words.has(lexeme)) return 1;
  if (heading.has(lexeme)) return inHeading;
  return beside.some((neighbour) => neighbour?.words.has(lexeme)) ? inNeighbour : 0;
}

interface Sentence {
  quote: string;
  words: ReadonlySet<string>;
  /** Words of the heading it stands under. */
  heading: ReadonlySet<string>;
  isHeading: boolean;
  /** A heading names its subject and a question asks: neither answers. */
  quotable: boolean;
}

function sentencesIn({ text, heading, language }: Passage): Sentence[] {
  let above = new Set(lexemesOf(heading, language));
  return sentencesOf(text).map(({ start, end }) => {
    const quote = text.slice(start, end).trim();
    const words = new Set(lexemesOf(quote, language));
    const isHeading = isHeadingLine(text, start, end);
    if (isHeading) above = words;
    const quotable = !isHeading && quote.length > 1 && quote.length <= maxQuoteChars && !/[?？]$/.test(quote);
    return { quote, words, heading: above, isHeading, quotable };
  });
}

/** A short line between empty lines that ends like no sentence and has something below it. */
function isHeadingLine(text: string, start: number, end: number): boolean {
  const line = text.slice(start, end).trim();
  const alone = (start === 0 || text.startsWith('\n\n', start - 2)) && text.slice(start, end).endsWith('\n\n') && end < text.length;
  return alone && line.length <= maxHeadingChars && !/[.!…:;。！]$|: |^[-*•]\s/.test(line);
}

function weigh(lexemes: ReadonlySet<string>, rarity: ReadonlyMap<string, number>): Map<string, number> {
  const weights = new Map<string, number>();
  for (const lexeme of lexemes) weights.set(lexeme, Math.min(rarest, 1 + (rarity.get(lexeme) ?? unknown - 1)));
  return weights;
}
