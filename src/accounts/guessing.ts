/** How easily a password is guessed by somebody who has the lists of breached ones, and knows what people do with them. */
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';

/** What people take for a password because of where they are, or because it is the word for one. */
const words = (
  'companero compañero coach coaching trainer training conversation contact member workspace ' +
  'contraseña contrasena clave senha motdepasse passwort kennwort wachtwoord parola hasło haslo salasana şifre sifre пароль'
).split(' ');

/** At least a hundred million guesses (zxcvbn, score 3): more than the limits of signing in let anybody try in a century. */
const leastScore = 3;
/** A password that is hard to guess up to here is hard to guess. Beyond, judging one takes half a second. */
const mostCharacters = 72;

const judge = new ZxcvbnFactory({ dictionary: { ...dictionary, words }, graphs: adjacencyGraphs, maxLength: mostCharacters });

/**
 * Whether fewer than a hundred million guesses find it: the 49 000 commonest of breached lists, alone and put together, with digits, years,
 * other spellings and case, rows of keys, repetitions and dates.
 *
 * @param about what a guesser knows of the person: mail address, name
 */
export function isGuessable(password: string, about: readonly string[]): boolean {
  const known = about.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)]).filter((text) => text.length > 2);
  return judge.check(password, known).score < leastScore;
}
