/** Builds the widget into one script, `dist/web/widget.js`, that a page loads with one tag. */
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

/** Takes the blanks out of the widget's style sheet, which is text to every minifier. */
const tightStyles: Plugin = {
  name: 'tight-styles',
  transform(code, id) {
    if (!id.endsWith('/widget/styles.ts')) return null;
    const tighten = (css: string) =>
      css
        .replace(/\s*([{};,>])\s*/g, '$1')
        .replaceAll(': ', ':')
        .replaceAll(';}', '}');
    return { code: code.replace(/(?<=const css = `)[^`]*/, tighten), map: null };
  },
};

// biome-ignore lint/style/noDefaultExport: Vite reads the default export of its configuration
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  logLevel: 'warn',
  publicDir: false,
  plugins: [tightStyles],
  build: {
    target: 'es2022',
    outDir: fileURLToPath(new URL('../dist/web/', import.meta.url)),
    emptyOutDir: true,
    sourcemap: false,
    lib: {
      entry: fileURLToPath(new URL('widget/main.ts', import.meta.url)),
      formats: ['iife'],
      name: 'companeroChat',
      fileName: () => 'widget.js',
    },
  },
});
