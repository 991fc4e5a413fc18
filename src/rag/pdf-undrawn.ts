/** Stands in for what pdf.js draws with: pages are read and never drawn, so no drawing library is needed and no font is made ready. */

/** Whatever pdf.js makes of it is asked for nothing but to have been loaded. */
class Undrawn {
  readonly loaded = Promise.resolve();
}

for (const name of ['DOMMatrix', 'FontFace', 'ImageData', 'Path2D']) {
  if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value: Undrawn });
}
