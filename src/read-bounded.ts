/** Content of strangers, read no further than it may be long. */

/** The text of an answer in UTF-8; null when it is longer than `mostBytes`. Rejects where the connection ends before it does. */
export async function readBounded(response: Response, mostBytes: number): Promise<string | null> {
  const bytes = await collectBounded(response.body, mostBytes);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** All that arrives, none where there is nothing to read; null when it is longer than `mostBytes`. Rejects where the content does. */
export async function collectBounded(content: AsyncIterable<Uint8Array> | null, mostBytes: number): Promise<Buffer<ArrayBuffer> | null> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of content ?? []) {
    bytes += piece.byteLength;
    if (bytes > mostBytes) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
