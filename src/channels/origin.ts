/** Web origins (RFC 6454): which sites may run a creator's widget. */

/** Whether the text is one http or https origin exactly as browsers send it: scheme, host, port where it is not the default, nothing else. */
export function isOrigin(text: string): boolean {
  // The URL parser takes `*` for a letter; a list that seems to hold a wildcard would match nothing.
  if (!URL.canParse(text) || text.includes('*')) return false;
  const url = new URL(text);
  return (url.protocol === 'https:' || url.protocol === 'http:') && url.origin === text;
}

/**
 * Whether a request may use the widget. Exact text, so that look-alikes differ; a client without `Origin` is no browser page
 * and is judged by its ticket alone. `null` (sandboxed frames, files) is on no list.
 */
export function mayUseWidget(origin: string | undefined, allowed: readonly string[]): boolean {
  return origin === undefined || (isOrigin(origin) && allowed.includes(origin));
}
