/** Answers of other servers, read no further than they may be long. */

/** The text of an answer in UTF-8; null when it is longer than `mostBytes`. Rejects where the connection ends before it does. */
export async function readBounded(response: Response, mostBytes: number): Promise<string | null> {
  let text = '';
  let bytes = 0;
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
