/** The words of the interface: English ones of its own, those of other languages as the server has them. */

/** Every text the widget shows by itself. `{n}` and `{name}` are filled in. */
export interface Words {
  title: string;
  open: string;
  close: string;
  unread: string;
  placeholder: string;
  send: string;
  log: string;
  empty: string;
  you: string;
  coach: string;
  person: string;
  typing: string;
  sending: string;
  queued: string;
  refused: string;
  tooLong: string;
  tooFast: string;
  retry: string;
  discard: string;
  today: string;
  yesterday: string;
  sources: string;
  page: string;
  offline: string;
  forbidden: string;
  newSession: string;
  serverError: string;
  points: string;
  streak: string;
  latest: string;
  attach: string;
  remove: string;
  yes: string;
  no: string;
  /** Five, from very bad to very good, with `|` between. */
  moods: string;
  sound: string;
  record: string;
  stop: string;
  picture: string;
  file: string;
  place: string;
}

/** The words the script itself brings; those of other languages are fetched. */
export const english: Words = {
  title: 'Chat',
  open: 'Open chat',
  close: 'Close chat',
  unread: '{n} unread',
  placeholder: 'Write a message',
  send: 'Send',
  log: 'Messages',
  empty: 'Say hello to begin.',
  you: 'You',
  coach: 'Coach',
  person: 'Team',
  typing: 'Writing',
  sending: 'Sending…',
  queued: 'Will be sent when you are back online',
  refused: 'Not sent',
  tooLong: 'Not sent: too long',
  tooFast: 'Not sent: too many at once',
  retry: 'Try again',
  discard: 'Discard',
  today: 'Today',
  yesterday: 'Yesterday',
  sources: 'Sources',
  page: 'page {n}',
  offline: 'No connection. Trying again; what you write is kept.',
  forbidden: 'This chat is not available on this site.',
  newSession: 'Your earlier conversation has ended. This is a new one.',
  serverError: 'Something went wrong on our side. Please try again.',
  points: '{n} points',
  streak: '{n}-day streak',
  latest: 'Newest messages',
  attach: 'Add a file',
  remove: 'Remove {name}',
  yes: 'Yes',
  no: 'No',
  moods: 'Very bad|Bad|So-so|Good|Very good',
  sound: 'Sound',
  record: 'Record a voice note',
  stop: 'Stop recording',
  picture: 'Choose a picture',
  file: 'Choose a file',
  place: 'Share my location',
};

/** Languages that have a file in `words/`. */
const fetched = new Set(['ar', 'de', 'es', 'fr', 'he', 'pt']);

const rightToLeft = new Set(['ar', 'arc', 'ckb', 'dv', 'fa', 'he', 'ks', 'ps', 'sd', 'ug', 'ur', 'yi']);

/**
 * The words for a language tag (BCP 47), as data from the server, so that a site's policy need allow no other script; English for a
 * language without a file, and where it cannot be fetched.
 */
export async function loadWords(fetcher: typeof fetch, server: string, language: string): Promise<Words> {
  const primary = primaryOf(language);
  if (!fetched.has(primary)) return english;
  try {
    const response = await fetcher(`${server}/widget/words/${primary}.json`, { credentials: 'omit' });
    return response.ok ? { ...english, ...(await response.json()) } : english;
  } catch {
    // Without a network there are English words, and the next page view tries again.
    return english;
  }
}

/** The direction a language is written in. */
export function directionOf(language: string): 'ltr' | 'rtl' {
  return rightToLeft.has(primaryOf(language)) ? 'rtl' : 'ltr';
}

/** The words with `{n}` or `{name}` filled in. */
export function fill(words: string, value: string | number): string {
  return words.replace(/\{\w+\}/, () => String(value));
}

/** What the widget says about an item the server refused, by error code. */
export function refusalWords(words: Words, code: string): string {
  if (code === 'TOO_LARGE') return words.tooLong;
  return code === 'RATE_LIMITED' ? words.tooFast : words.refused;
}

function primaryOf(language: string): string {
  return (language.split(/[-_]/)[0] ?? '').toLowerCase();
}
