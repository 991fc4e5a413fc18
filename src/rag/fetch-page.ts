/** Fetches a web page or a file from an address that a creator names, through the guard for addresses of strangers. */
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { PublicFetch } from '../public-fetch.ts';
import { collectBounded } from '../read-bounded.ts';

/** What was found at an address. */
export interface FetchedPage {
  /** The last part of the address's path, for a title. */
  name: string;
  bytes: Uint8Array;
  /** Where it was found in the end, without user and fragment. */
  address: string;
}

/** @throws AppError INVALID_INPUT no address that may be fetched · INVALID_DOCUMENT it gives no document · TOO_LARGE · the signal's reason */
export type FetchPage = (address: string, signal: AbortSignal) => Promise<FetchedPage>;

const mostRedirects = 4;
const timeoutMs = 20_000;
const headers = { Accept: 'text/html, text/*, application/pdf', 'User-Agent': 'Companero/1' };

/** Fetches pages of at most `maxBytes`, following redirects each of which is checked anew. */
export function createFetchPage(publicFetch: PublicFetch, clock: Clock, maxBytes: number): FetchPage {
  async function fetchFrom(url: URL, signal: AbortSignal, redirects = 0): Promise<FetchedPage> {
    const answer = await publicFetch(url.href, { headers, signal });
    const location = answer.status >= 300 && answer.status < 400 ? answer.headers.get('Location') : null;
    if (location === null && answer.ok) return { name: nameOf(url), bytes: await readAll(answer, maxBytes), address: url.href };
    await answer.body?.cancel();
    if (location === null) throw new AppError('INVALID_DOCUMENT', `The address answers with status ${answer.status}`);
    if (redirects === mostRedirects || !URL.canParse(location, url.href)) {
      throw new AppError('INVALID_DOCUMENT', 'Name the address that the page has in the end: this one leads on and on');
    }
    return fetchFrom(plain(new URL(location, url.href)), signal, redirects + 1);
  }

  return async function fetchPage(address, signal) {
    if (!URL.canParse(address)) throw new AppError('INVALID_INPUT', `Cannot read the address ${JSON.stringify(address.slice(0, 200))}`);
    const late = new AbortController();
    const cancel = clock.after(timeoutMs, () => late.abort(new Error(`No answer within ${timeoutMs} ms`)));
    try {
      return await fetchFrom(plain(new URL(address)), AbortSignal.any([signal, late.signal]));
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof AppError) throw cause;
      // One text for all: what stands behind an address inside is nobody's to learn.
      throw new AppError('INVALID_DOCUMENT', 'Cannot fetch the address: it must be public, begin with https:// and answer', { cause });
    } finally {
      cancel();
    }
  };
}

async function readAll(answer: Response, maxBytes: number): Promise<Uint8Array> {
  const bytes = await collectBounded(answer.body, maxBytes);
  if (bytes === null) throw new AppError('TOO_LARGE', `Name a page of at most ${maxBytes} bytes`, { details: { max_bytes: maxBytes } });
  return bytes;
}

function plain(url: URL): URL {
  url.hash = '';
  return url;
}

function nameOf({ pathname, hostname }: URL): string {
  const last = pathname.split('/').findLast((part) => part !== '');
  if (last === undefined) return hostname;
  try {
    return decodeURIComponent(last);
  } catch {
    // a name with a stray percent sign stands as it is
    return last;
  }
}
