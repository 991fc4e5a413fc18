import { expect, test } from 'vitest';
import { countLexemes, detectLanguage, lexemesOf, questionTerms } from '../../src/rag/lexemes.ts';

test.each([
  ['en', 'How can I cancel my sessions?', 'The session was cancelled'],
  ['es', '¿Cómo cancelo las sesiones?', 'La sesion se cancela'],
  ['fr', 'Comment annuler mes séances ?', 'La seance est annulée'],
  ['de', 'Wie kann ich Übungen üben?', 'Die Ubung'],
  ['pt', 'Como cancelo as sessões?', 'cancelo as sessoes'],
  ['it', 'Come annullo le sessioni?', 'la sessione'],
])('%s: a question and a text meet in their lexemes', (language, question, text) => {
  const shared = lexemesOf(text, language).filter((lexeme) => lexemesOf(question, language).includes(lexeme));
  expect(shared.length).toBeGreaterThan(0);
});

test.each([
  ['睡眠很重要', '睡眠'],
  ['นอนหลับให้เพียงพอ', 'นอน'],
])('%s is cut into words though it has no spaces', (text, word) => {
  expect(lexemesOf(text, null).some((lexeme) => lexeme.startsWith(word))).toBe(true);
});

test.each([
  ['en', 'This is how you keep the diary that we talked about.'],
  ['es', 'Así es como se lleva el diario del que hablamos en la sesión.'],
  ['de', 'So führst du das Tagebuch, von dem wir in der Sitzung gesprochen haben.'],
  ['fr', "C'est ainsi que vous tenez le journal dont nous avons parlé dans la séance."],
  ['pt', 'É assim que você mantém o diário de que falamos na sessão.'],
  ['it', 'Ecco come si tiene il diario di cui abbiamo parlato nella seduta.'],
  [null, '睡眠很重要'],
  [null, ''],
])('the language is %s', (language, text) => {
  expect(detectLanguage(text)).toBe(language);
});

test('a question of stop words alone asks for nothing', () => {
  expect(questionTerms('What is it that you do?', ['en'])).toEqual([]);
});

test.each([
  ['fr', "l'arrêt de l’exercice", "arrêt d'exercice"],
  ['it', "dell'utente all'inizio", "L'utente, un inizio"],
])('%s: an article that has lost its vowel is no part of the word', (language, one, other) => {
  expect(lexemesOf(one, language)).toEqual(lexemesOf(other, language));
});

test('a word of a question has a lexeme in each language of the documents, and none where it is a stop word', () => {
  const terms = questionTerms('The gifts, a gift!', ['en', 'de', null]);
  expect(terms.map((term) => [...term])).toEqual([
    [
      ['en', null],
      ['de', 'the'],
      [null, 'the'],
    ],
    [
      ['en', 'gift'],
      ['de', 'gift'],
      [null, 'gifts'],
    ],
    [
      ['en', null],
      ['de', 'a'],
      [null, 'a'],
    ],
    [[null, 'gift']],
  ]);
});

test('counts each lexeme', () => {
  expect(countLexemes('Walk, walking, walked; rest', 'en')).toEqual(
    new Map([
      ['walk', 3],
      ['rest', 1],
    ]),
  );
});

test.each([
  ['app.get', 'How do I get() the app?'],
  ['max_size', 'the size'],
  ['createServer', 'create a server'],
  ['YouTube', 'youtube'],
  ['youtube', 'YouTube'],
])('%s is found by its parts and as a whole: %s', (name, question) => {
  expect(lexemesOf(name, 'en').some((lexeme) => lexemesOf(question, 'en').includes(lexeme))).toBe(true);
});

test.each(['mRNA', 'IgG', 'pH', 'CYP2D6', 'BRCA1', 'p53'])('the symbol %s is one word', (symbol) => {
  expect(lexemesOf(symbol, null)).toEqual([symbol.toLowerCase()]);
});

test.each([
  ['IL-2 binds α-synuclein', ['il', '2', 'bind', 'α', 'synuclein']],
  ['TNF-α rose by 0.9% in CD4+ T cells', ['tnf', 'α', 'rose', '0.9', 'cd4', 't', 'cell']],
])('scientific names are cut as by other analysers: %s', (text, lexemes) => {
  expect(lexemesOf(text, 'en')).toEqual(lexemes);
});

test('numbers stay whole', () => {
  expect(lexemesOf('3.5 hours', 'en')).toEqual(['3.5', 'hour']);
});
