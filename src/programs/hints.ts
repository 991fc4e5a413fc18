/** What a question says it takes, in the contact's language, where the program has no hint of its own. */
import type { AskedInput } from '../message.ts';
import { primary } from './spoken-words.ts';

/** A hint, `{…}` filled in from the declared input. */
type Hints = Readonly<Record<string, string>>;

const hints: Readonly<Record<string, Hints>> = {
  en: {
    text: 'Please write a few words.',
    number: 'Please write a number{range}, such as {example}.',
    date: 'Please write a date, such as 24 December or tomorrow.',
    time: 'Please write a time, such as 7:30 or half past seven.',
    datetime: 'Please write a day and a time, such as tomorrow at 9:00.',
    phone: 'Please write a phone number with its country code, such as +351 912 345 678.',
    email: 'Please write an e-mail address, such as ana@example.org.',
    yesNo: 'Please answer yes or no.',
    choice: 'Please choose one: {options}.',
    choices: 'Please choose from: {options}. Put commas between them.',
    range: 'Please write a whole number from {min} to {max}.',
    file: 'Please send a file.',
    image: 'Please send a picture.',
    voice: 'Please send a voice message.',
    location: 'Please send your location, or write it as 38.72, -9.14.',
    between: ' from {min} to {max}',
    atLeast: ' of at least {min}',
    atMost: ' of at most {max}',
  },
  es: {
    text: 'Escribe unas palabras, por favor.',
    number: 'Escribe un número{range}, por ejemplo {example}.',
    date: 'Escribe una fecha, por ejemplo 24 de diciembre o mañana.',
    time: 'Escribe una hora, por ejemplo 7:30 o siete y media.',
    datetime: 'Escribe un día y una hora, por ejemplo mañana a las 9:00.',
    phone: 'Escribe un teléfono con el prefijo del país, por ejemplo +34 612 345 678.',
    email: 'Escribe un correo electrónico, por ejemplo ana@example.org.',
    yesNo: 'Responde sí o no, por favor.',
    choice: 'Elige una opción: {options}.',
    choices: 'Elige entre: {options}. Sepáralas con comas.',
    range: 'Escribe un número entero de {min} a {max}.',
    file: 'Envía un archivo, por favor.',
    image: 'Envía una foto, por favor.',
    voice: 'Envía un mensaje de voz, por favor.',
    location: 'Envía tu ubicación o escríbela así: 38.72, -9.14.',
    between: ' de {min} a {max}',
    atLeast: ' de al menos {min}',
    atMost: ' de como máximo {max}',
  },
  pt: {
    text: 'Escreva algumas palavras, por favor.',
    number: 'Escreva um número{range}, por exemplo {example}.',
    date: 'Escreva uma data, por exemplo 24 de dezembro ou amanhã.',
    time: 'Escreva uma hora, por exemplo 7:30 ou sete e meia.',
    datetime: 'Escreva um dia e uma hora, por exemplo amanhã às 9:00.',
    phone: 'Escreva um telefone com o indicativo do país, por exemplo +351 912 345 678.',
    email: 'Escreva um endereço de e-mail, por exemplo ana@example.org.',
    yesNo: 'Responda sim ou não, por favor.',
    choice: 'Escolha uma opção: {options}.',
    choices: 'Escolha entre: {options}. Separe-as com vírgulas.',
    range: 'Escreva um número inteiro de {min} a {max}.',
    file: 'Envie um ficheiro, por favor.',
    image: 'Envie uma imagem, por favor.',
    voice: 'Envie uma mensagem de voz, por favor.',
    location: 'Envie a sua localização ou escreva-a assim: 38.72, -9.14.',
    between: ' de {min} a {max}',
    atLeast: ' de pelo menos {min}',
    atMost: ' de no máximo {max}',
  },
  de: {
    text: 'Bitte schreiben Sie ein paar Worte.',
    number: 'Bitte schreiben Sie eine Zahl{range}, etwa {example}.',
    date: 'Bitte schreiben Sie ein Datum, etwa 24. Dezember oder morgen.',
    time: 'Bitte schreiben Sie eine Uhrzeit, etwa 7:30 oder halb acht.',
    datetime: 'Bitte schreiben Sie Tag und Uhrzeit, etwa morgen um 9:00.',
    phone: 'Bitte schreiben Sie eine Telefonnummer mit Landesvorwahl, etwa +49 170 1234567.',
    email: 'Bitte schreiben Sie eine E-Mail-Adresse, etwa ana@example.org.',
    yesNo: 'Bitte antworten Sie mit Ja oder Nein.',
    choice: 'Bitte wählen Sie: {options}.',
    choices: 'Bitte wählen Sie aus: {options}. Trennen Sie sie mit Kommas.',
    range: 'Bitte schreiben Sie eine ganze Zahl von {min} bis {max}.',
    file: 'Bitte senden Sie eine Datei.',
    image: 'Bitte senden Sie ein Bild.',
    voice: 'Bitte senden Sie eine Sprachnachricht.',
    location: 'Bitte senden Sie Ihren Standort, oder schreiben Sie ihn so: 38.72, -9.14.',
    between: ' von {min} bis {max}',
    atLeast: ' ab {min}',
    atMost: ' bis {max}',
  },
  fr: {
    text: 'Écrivez quelques mots, s’il vous plaît.',
    number: 'Écrivez un nombre{range}, par exemple {example}.',
    date: 'Écrivez une date, par exemple 24 décembre ou demain.',
    time: 'Écrivez une heure, par exemple 7:30 ou sept heures et demie.',
    datetime: 'Écrivez un jour et une heure, par exemple demain à 9:00.',
    phone: 'Écrivez un numéro de téléphone avec l’indicatif du pays, par exemple +33 6 12 34 56 78.',
    email: 'Écrivez une adresse e-mail, par exemple ana@example.org.',
    yesNo: 'Répondez par oui ou non, s’il vous plaît.',
    choice: 'Choisissez : {options}.',
    choices: 'Choisissez parmi : {options}. Séparez-les par des virgules.',
    range: 'Écrivez un nombre entier de {min} à {max}.',
    file: 'Envoyez un fichier, s’il vous plaît.',
    image: 'Envoyez une image, s’il vous plaît.',
    voice: 'Envoyez un message vocal, s’il vous plaît.',
    location: 'Envoyez votre position, ou écrivez-la ainsi : 38.72, -9.14.',
    between: ' de {min} à {max}',
    atLeast: ' d’au moins {min}',
    atMost: ' d’au plus {max}',
  },
};

/** The same words for inputs that take the same. */
const same: Readonly<Record<string, string>> = { scale: 'range', mood: 'range', consent: 'yesNo' };

/** The languages that have hints. */
export const hintLanguages: readonly string[] = Object.keys(hints);

/** What an input takes, in a language (BCP 47), else in English. */
export function hintFor(input: AskedInput, language: string): string {
  const known = hints[primary(language)] ?? (hints.en as Hints);
  const template = known[same[input.type] ?? input.type] ?? known.text ?? '';
  const bounds = input.type === 'mood' ? { min: 1, max: 5 } : { min: numberOf(input.min), max: numberOf(input.max) };
  return template
    .replace('{range}', rangeOf(known, bounds))
    .replaceAll('{min}', String(bounds.min))
    .replaceAll('{max}', String(bounds.max))
    .replace('{example}', String(bounds.min ?? bounds.max ?? 7))
    .replace('{options}', () => titlesOf(input.options));
}

interface Bounds {
  min: number | null;
  max: number | null;
}

const numberOf = (value: unknown) => (typeof value === 'number' ? value : null);

function rangeOf(known: Hints, { min, max }: Bounds): string {
  if (min !== null && max !== null) return known.between ?? '';
  if (min !== null) return known.atLeast ?? '';
  return max === null ? '' : (known.atMost ?? '');
}

function titlesOf(options: unknown): string {
  return Array.isArray(options) ? options.map(({ title }: { title: string }) => title).join(', ') : '';
}
