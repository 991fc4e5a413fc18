/** Which passwords are accepted at the border, by their size. How easily one is guessed is judged where it is hashed: that takes time. */
import * as v from 'valibot';

const leastCharacters = 12;
const mostBytes = 256;

/** A password for a new account or a change; used exactly as sent. */
export const NewPassword = v.pipe(
  v.string(),
  v.check((text) => [...text].length >= leastCharacters, `Choose at least ${leastCharacters} characters`),
  v.check(fits, `Choose at most ${mostBytes} bytes`),
);

/** A password as tried at sign-in: only its size is bounded, before anything is computed. */
export const TriedPassword = v.pipe(v.string(), v.minLength(1), v.check(fits, `Cannot be longer than ${mostBytes} bytes`));

function fits(text: string): boolean {
  return text.length <= mostBytes && new TextEncoder().encode(text).byteLength <= mostBytes;
}
