/** Porter's stemmer of 1980, written from the paper: the reference that ranking is held against. */

const consonant = '(?:[^aeiouy]|(?<=[aeiou])y|^y)';
const vowel = '(?:[aeiou]|(?<![aeiou]|^)y)';
const measured = new RegExp(`${vowel}+${consonant}+`, 'g');
const hasVowel = new RegExp(vowel);
const endsCvc = new RegExp(`${consonant}${vowel}[^aeiouwxy]$`);

const measure = (stem: string) => stem.match(measured)?.length ?? 0;

const step2 =
  'ational:ate tional:tion enci:ence anci:ance izer:ize abli:able alli:al entli:ent eli:e ousli:ous ization:ize ation:ate ator:ate alism:al iveness:ive fulness:ful ousness:ous aliti:al iviti:ive biliti:ble';
const step3 = 'icate:ic ative: alize:al iciti:ic ical:ic ful: ness:';
const step4 = 'al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize';

/** The stem of a lower-case English word. */
export function porterStem(word: string): string {
  if (word.length < 3) return word;
  let stem = word
    .replace(/sses$/, 'ss')
    .replace(/ies$/, 'i')
    .replace(/([^s])s$/, '$1');
  stem = pastAndProgressive(stem);
  if (/y$/.test(stem) && hasVowel.test(stem.slice(0, -1))) stem = `${stem.slice(0, -1)}i`;
  stem = suffix(stem, step2, 0);
  stem = suffix(stem, step3, 0);
  stem = suffix(stem, step4, 1);
  if (stem.endsWith('e')) {
    const rest = stem.slice(0, -1);
    if (measure(rest) > 1 || (measure(rest) === 1 && !endsCvc.test(rest))) stem = rest;
  }
  return measure(stem) > 1 ? stem.replace(/ll$/, 'l') : stem;
}

function pastAndProgressive(word: string): string {
  if (word.endsWith('eed')) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  const stem = word.replace(/(?:ed|ing)$/, '');
  if (stem === word || !hasVowel.test(stem)) return word;
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (/([^aeiouylsz])\1$/.test(stem)) return stem.slice(0, -1);
  return measure(stem) === 1 && endsCvc.test(stem) ? `${stem}e` : stem;
}

function suffix(word: string, rules: string, least: number): string {
  const found = rules
    .split(' ')
    .map((rule) => rule.split(':'))
    .filter(([end = '']) => word.endsWith(end))
    .sort(([a = ''], [b = '']) => b.length - a.length)[0];
  if (found === undefined) return word;
  const [end = '', replacement = ''] = found;
  const stem = word.slice(0, -end.length);
  if (measure(stem) <= least || (end === 'ion' && !/[st]$/.test(stem))) return word;
  return stem + replacement;
}
