/** The languages whose words are stemmed: their stop words and Snowball stemmers, folded to plain letters. */

import { stemmer as stemEnglish } from '@orama/stemmers/english';
import { stemmer as stemFrench } from '@orama/stemmers/french';
import { stemmer as stemGerman } from '@orama/stemmers/german';
import { stemmer as stemItalian } from '@orama/stemmers/italian';
import { stemmer as stemPortuguese } from '@orama/stemmers/portuguese';
import { stemmer as stemSpanish } from '@orama/stemmers/spanish';
import { stopwords as englishStops } from '@orama/stopwords/english';
import { stopwords as frenchStops } from '@orama/stopwords/french';
import { stopwords as germanStops } from '@orama/stopwords/german';
import { stopwords as italianStops } from '@orama/stopwords/italian';
import { stopwords as portugueseStops } from '@orama/stopwords/portuguese';
import { stopwords as spanishStops } from '@orama/stopwords/spanish';

/** A language code (ISO 639-1) we stem; any other text is matched word by word. */
export type Language = 'en' | 'es' | 'fr' | 'de' | 'pt' | 'it';

interface Rules {
  stem(word: string): string;
  stops: ReadonlySet<string>;
  /** An article or the like that has lost its vowel before the word; null where no word is written so. */
  elided: RegExp | null;
}

/** As Lucene's analysers of the two languages have them. */
const elided: Partial<Record<Language, RegExp>> = {
  fr: /^(?:[cdjlmnst]|(?:jus|lors|puis|quoi)?qu)'(?=.)/,
  it: /^(?:[cdlmstv]|all|dall|dell|nell|sull|coll|pell|gl|agl|dagl|degl|negl|sugl|un|quell|quest)'(?=.)/,
};

/** Words that ask rather than name, and others that the published lists leave out. */
const asking: Record<Language, string> = {
  en: 'a how when where why please tell want need know get does can much many often long any there about explain describe give say',
  es: 'como cuando donde por que cual cuales quien cuanto cuanta cuantos cuantas quiero necesito puedo puede hay favor dime saber hacer',
  fr: 'comment quand ou pourquoi quel quelle quels quelles combien veux peux peut faut dire savoir est-ce',
  de: 'wie wann wo warum welche welcher welches wieviel viel viele bitte will kann muss gibt sagen wissen',
  pt: 'como quando onde porque qual quais quem quanto quanta quantos quantas quero preciso posso pode ha favor saber',
  it: 'come quando dove perche quale quali chi quanto quanta quanti quante voglio posso puo bisogno sapere',
};

/** A consonant alone is no stop word, though `don't` has one: vitamin D, T cells, hepatitis C. */
function rules(language: Language, stem: (word: string) => string, stops: readonly string[]): Rules {
  const words = [...stops, ...asking[language].split(' ')].map(fold);
  const parts = words.flatMap((word) => [word, ...word.split(/['’]/)]);
  return { stem, stops: new Set(parts.filter((word) => !/^[^aeiouy]$/.test(word))), elided: elided[language] ?? null };
}

const table: Record<Language, Rules> = {
  en: rules('en', stemEnglish, englishStops),
  es: rules('es', stemSpanish, spanishStops),
  fr: rules('fr', stemFrench, frenchStops),
  de: rules('de', stemGerman, germanStops),
  pt: rules('pt', stemPortuguese, portugueseStops),
  it: rules('it', stemItalian, italianStops),
};

const languages = Object.keys(table) as Language[];

/** The rules of a language; null where we have none. */
export function rulesOf(language: string | null): Rules | null {
  return language !== null && Object.hasOwn(table, language) ? table[language as Language] : null;
}

/** A word in lower case without accents: people leave them out when they ask. */
export function fold(word: string): string {
  return word.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '').replaceAll('’', "'");
}

/** The language whose stop words the words hold most of; null when none has a tenth of them. */
export function languageOf(words: readonly string[]): Language | null {
  let best: Language | null = null;
  let most = words.length / 10;
  for (const language of languages) {
    const count = words.filter((word) => table[language].stops.has(word)).length;
    if (count > most) [best, most] = [language, count];
  }
  return best;
}
