/** Plain words of answers in the languages we know: folding, digits of other scripts, numbers, yes and no. */

/** A text for comparison: lower case, without accents, punctuation and doubled spaces. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** A text with the digits of every script as 0–9. */
export function digits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => String(digitValue(digit.codePointAt(0) as number)));
}

/** Unicode lays the ten decimal digits of a script side by side, from nought up. */
function digitValue(codePoint: number): number {
  if (codePoint < 128) return codePoint - 48;
  let zero = codePoint;
  while (codePoint - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return codePoint - zero;
}

/** The primary language: `pt` of `pt-BR`. */
export function primary(language: string): string {
  return language.split('-', 1)[0]?.toLowerCase() ?? 'en';
}

const numberWords: Readonly<Record<string, readonly string[]>> = {
  en: 'zero one two three four five six seven eight nine ten eleven twelve'.split(' '),
  es: 'cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce'.split(' '),
  pt: 'zero um dois tres quatro cinco seis sete oito nove dez onze doze'.split(' '),
  de: 'null eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf'.split(' '),
  fr: 'zero un deux trois quatre cinq six sept huit neuf dix onze douze'.split(' '),
};
const otherWords: Readonly<Record<string, number>> = { una: 1, uma: 1, duas: 2, une: 1, ein: 1, eine: 1 };

/** The number a word stands for, 0–12; null for any other word. The language's own words, then English. */
export function readNumberWord(word: string, language: string): number | null {
  const folded = fold(word);
  for (const words of [numberWords[primary(language)], numberWords.en]) {
    const index = words?.indexOf(folded) ?? -1;
    if (index >= 0) return index;
  }
  return primary(language) !== 'en' && Object.hasOwn(otherWords, folded) ? (otherWords[folded] as number) : null;
}

/** Languages that write 7,5 and 1.000. */
const commaLanguages = new Set([
  'es',
  'pt',
  'de',
  'fr',
  'it',
  'nl',
  'pl',
  'tr',
  'ru',
  'uk',
  'sv',
  'da',
  'nb',
  'fi',
  'cs',
  'ro',
  'el',
  'id',
]);

/** No number, date or time is longer, and no longer text is searched for one. */
export const longestNumber = 64;

/** Reads a number such as `7`, `7.5`, `7,5`, `1,000` or `seven`, with a unit behind it or not; null when it is none. */
export function readNumber(text: string, language: string): number | null {
  if (text.length > longestNumber) return null;
  const word = readNumberWord(text, language);
  if (word !== null) return word;
  const match = /^([+-]?)(\d[\d.,'\s]*)(?:\s*[\p{L}%°€$/²]{0,12})$/u.exec(text.replace('−', '-'));
  if (!match?.[2]) return null;
  const plainDigits = withoutGroups(match[2].trim(), commaLanguages.has(primary(language)));
  if (plainDigits === null) return null;
  const number = Number(`${match[1]}${plainDigits}`);
  return Number.isFinite(number) && Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : null;
}

/** The digits with a point as the only mark: groups of three are joined, one other mark is the decimal one. */
function withoutGroups(text: string, commaIsDecimal: boolean): string | null {
  const compact = text.replace(/(?<=\d)[\s'](?=\d{3}(?!\d))/g, '');
  const [group, decimal] = commaIsDecimal ? ['.', ','] : [',', '.'];
  const grouped = new RegExp(`^\\d{1,3}(?:\\${group}\\d{3})+(?:\\${decimal}\\d+)?$`);
  if (grouped.test(compact)) return compact.replaceAll(group, '').replace(decimal, '.');
  return /^\d+(?:[.,]\d+)?$/.test(compact) ? compact.replace(',', '.') : null;
}

const yesWords: Readonly<Record<string, readonly string[]>> = {
  en: ['yes', 'y', 'yeah', 'yep', 'yup', 'sure', 'ok', 'okay', 'of course', 'true', 'absolutely', 'definitely', 'please', 'yes please'],
  es: ['si', 's', 'claro', 'vale', 'por supuesto', 'de acuerdo'],
  pt: ['sim', 's', 'claro', 'com certeza', 'pode ser', 'quero'],
  de: ['ja', 'j', 'jo', 'klar', 'gerne', 'na klar', 'naturlich', 'jawohl'],
  fr: ['oui', 'o', 'ouais', 'bien sur', 'd accord', 'volontiers'],
};
const noWords: Readonly<Record<string, readonly string[]>> = {
  en: ['no', 'n', 'nope', 'nah', 'not', 'never', 'false', 'no thanks', 'no thank you', 'not now'],
  es: ['no', 'n', 'no gracias', 'nunca', 'ahora no'],
  pt: ['nao', 'n', 'nao obrigado', 'nao obrigada', 'nunca', 'agora nao'],
  de: ['nein', 'n', 'ne', 'nee', 'nein danke', 'niemals', 'nicht'],
  fr: ['non', 'n', 'nan', 'non merci', 'jamais', 'pas maintenant'],
};

const skipWords: Readonly<Record<string, readonly string[]>> = {
  en: ['skip', 'pass', 'next'],
  es: ['saltar', 'omitir', 'paso', 'siguiente'],
  pt: ['pular', 'saltar', 'passar', 'seguinte'],
  de: ['überspringen', 'weiter', 'auslassen'],
  fr: ['passer', 'sauter', 'suivant'],
};

const courtesy =
  /[\s,]{1,3}(?:please|thanks|thank you|por favor|gracias|obrigad[oa]|bitte|danke|s['’]il (?:vous|te) pla[iî]t|merci)[\s.!]{0,5}$/iu;

/** A text without the please or thank you behind it: `seven, please`. */
export function withoutCourtesy(text: string): string {
  return text.replace(courtesy, '');
}

/** The words that skip a question: of the language, and English ones. */
export function skipWordsOf(language: string): readonly string[] {
  return [...(skipWords[primary(language)] ?? []), ...(skipWords.en ?? [])];
}

/** Reads yes or no, thumbs and ticks too; null when it is neither. */
export function readYesNo(text: string, language: string): boolean | null {
  if (/^(?:👍|✅|✔|👌)/u.test(text)) return true;
  if (/^(?:👎|❌|✖|🚫)/u.test(text)) return false;
  const folded = fold(text);
  for (const known of [primary(language), 'en']) {
    if (yesWords[known]?.includes(folded)) return true;
    if (noWords[known]?.includes(folded)) return false;
  }
  return null;
}
