/** Which passwords are accepted: long enough, and not one of those that everybody tries first. */
import * as v from 'valibot';

const leastCharacters = 12;
const mostBytes = 256;

/** A password as accepted for a new account or a change; used exactly as sent. */
export const NewPassword = v.pipe(
  v.string(),
  v.check((text) => [...text].length >= leastCharacters, `Choose at least ${leastCharacters} characters`),
  v.check(fits, `Choose at most ${mostBytes} bytes`),
  v.check((text) => !isCommon(text), 'Choose a password that is harder to guess'),
);

/** A password as tried at sign-in: only its size is bounded, before anything is computed. */
export const TriedPassword = v.pipe(v.string(), v.minLength(1), v.check(fits, `Cannot be longer than ${mostBytes} bytes`));

function fits(text: string): boolean {
  return text.length <= mostBytes && new TextEncoder().encode(text).byteLength <= mostBytes;
}

/** What the long passwords of leaked lists are put together from, in the languages of our creators. */
const commonWords = new RegExp(
  `${[
    'password|passwort|passwd|passcode|passphrase|contrasena|contraseña|senha|motdepasse|parola|secret|letmein|welcome|willkommen|bienvenido|bemvindo|bienvenue',
    'changeme|default|login|signin|admin|administrator|root|superuser|user|guest|master|test|testing|temp|demo|sample|example|account|access|private|security',
    'iloveyou|loveyou|teamo|teamomucho|tequiero|amor|love|lovely|forever|princess|princesa|angel|angels|sunshine|shadow|monkey|dragon|football|futbol|futebol',
    'baseball|basketball|soccer|hockey|superman|batman|spiderman|pokemon|starwars|jesus|jesuschrist|christ|freedom|family|friend|friends|mustang|ferrari|mercedes',
    'chocolate|cookie|butterfly|flower|summer|winter|spring|autumn|january|february|december|monday|friday|internet|computer|samsung|microsoft|google|facebook|linkedin',
    'michael|michelle|jennifer|jessica|charlie|daniel|andrew|thomas|robert|ashley|nicole|anthony|alexander|christopher|elizabeth|victoria|benjamin|isabella|barcelona|liverpool|arsenal|chelsea|manchester|america',
    'hello|helloworld|whatever|trustno|nothing|mynameis|killer|hunter|ranger|baby|babygirl|bitch|fuck|fuckyou|asshole|pussy|sexy|cool|super|qwerty|qwertz|azerty|asdf|zxcv|qaz|wsx|edc|rfv|qwer|wert|uiop|hjkl|yxcv|abc|xyz',
    'companero|compañero|coach|coaching|trainer|training|conversation|fitness',
    'the|my|your|and|is|for|this|new|old|big|one|two|mi|tu|el|la',
  ].join('|')}`,
  'g',
);

const leet: Readonly<Record<string, string>> = { '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', $: 's', '!': 'i' };

/**
 * Whether little is left of a password without common words, keyboard rows, repetitions, digits and signs.
 * A rule instead of a list: it covers `password123456`, `P4ssw0rd!2024` and what a list has not seen yet.
 */
export function isCommon(password: string): boolean {
  const lower = password.toLowerCase().normalize('NFC');
  const plain = lower.replace(/[013457@$!]/g, (sign) => leet[sign] ?? sign);
  return [lower, plain].some((text) => restOf(text) < 4) || isRepetition(lower) || isRun(lower);
}

/** How many different letters remain. Longest words must go first, or `pass` would leave `word`. */
function restOf(text: string): number {
  const rest = text.replace(commonWords, ' ').replace(/[^\p{L}]/gu, '');
  return new Set(rest).size;
}

function isRepetition(text: string): boolean {
  return /^(.{1,6}?)\1+.{0,5}$/su.test(text);
}

/** Whether nearly every character follows its neighbour: 123456789012, abcdefghijkl, 987654321098. */
function isRun(text: string): boolean {
  const codes = [...text].map((character) => character.codePointAt(0) ?? 0);
  const steps = codes.slice(1).filter((code, index) => Math.abs(code - (codes[index] ?? 0)) <= 1).length;
  return steps >= codes.length - 3;
}
