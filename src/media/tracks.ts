/** Tells whether a WebM or MP4 file has a picture, or is a voice note in a container made for films. */

/** How many elements are looked at: more are in no file that a person records. */
const mostElements = 2_000;

interface Element {
  /** EBML id or MP4 type. */
  id: string;
  from: number;
  to: number;
}

/** Whether the container names sound and no picture among its tracks. One that cannot be read does not. */
export function hasSoundOnly(bytes: Uint8Array, type: 'video/webm' | 'video/mp4'): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kinds = type === 'video/webm' ? webmTracks(view) : mp4Tracks(view);
  return kinds.includes('sound') && !kinds.includes('picture');
}

/** Segment, Tracks, TrackEntry (RFC 9559 §5.1); the rest is skipped. */
const webmParents = new Set(['18538067', '1654ae6b', 'ae']);

function webmTracks(view: DataView): string[] {
  // TrackType (RFC 9559 §5.1.4.1.3): 1 is video, 2 is audio.
  return found(view, webmElement, webmParents, '83').map(({ from }) => ['', 'picture', 'sound'][view.getUint8(from)] ?? '');
}

/** Boxes that lead to the handler of a track (ISO/IEC 14496-12 §8.4.3). */
const mp4Parents = new Set(['moov', 'trak', 'mdia']);

function mp4Tracks(view: DataView): string[] {
  const kinds: Readonly<Record<string, string>> = { vide: 'picture', soun: 'sound' };
  return found(view, mp4Box, mp4Parents, 'hdlr').map(({ from }) =>
    from + 12 > view.byteLength ? '' : (kinds[text(view, from + 8, 4)] ?? ''),
  );
}

/** The elements of this id, in order, found by walking into `parents` and past everything else. */
function found(view: DataView, read: (view: DataView, at: number, to: number) => Element | null, parents: ReadonlySet<string>, id: string) {
  const wanted: Element[] = [];
  let at = 0;
  for (let count = 0; count < mostElements && at < view.byteLength; count += 1) {
    const element = read(view, at, view.byteLength);
    if (element === null) break;
    if (element.id === id && element.from < view.byteLength) wanted.push(element);
    // What follows the last child of a parent is the parent's next sibling: no stack is needed to go on.
    at = parents.has(element.id) ? element.from : element.to;
  }
  return wanted;
}

/** Id and size are numbers whose first byte says how long they are (RFC 8794 §4); a size of ones only is not known. */
function webmElement(view: DataView, at: number, end: number): Element | null {
  const idLength = Math.clz32(view.getUint8(at)) - 23;
  if (idLength > 4 || at + idLength >= end) return null;
  const sizeAt = at + idLength;
  const sizeLength = Math.clz32(view.getUint8(sizeAt)) - 23;
  const from = sizeAt + sizeLength;
  if (sizeLength > 8 || from > end) return null;
  let size = view.getUint8(sizeAt) & (0xff >> sizeLength);
  let isUnknown = size === 0xff >> sizeLength;
  for (let index = sizeAt + 1; index < from; index += 1) {
    isUnknown &&= view.getUint8(index) === 0xff;
    size = size * 256 + view.getUint8(index);
  }
  const id = Array.from({ length: idLength }, (_, index) =>
    view
      .getUint8(at + index)
      .toString(16)
      .padStart(2, '0'),
  ).join('');
  return { id, from, to: isUnknown ? end : from + size };
}

/** A size of 1 stands before one of 64 bits, a size of 0 for all that is left (ISO/IEC 14496-12 §4.2). */
function mp4Box(view: DataView, at: number, end: number): Element | null {
  if (at + 16 > end) return null;
  const short = view.getUint32(at);
  const size = short === 1 ? Number(view.getBigUint64(at + 8)) : short === 0 ? end - at : short;
  const from = at + (short === 1 ? 16 : 8);
  return size < from - at ? null : { id: text(view, at + 4, 4), from, to: at + size };
}

function text(view: DataView, at: number, length: number): string {
  return String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));
}
