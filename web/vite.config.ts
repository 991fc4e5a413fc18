/** Builds the widget into one script, `dist/web/widget.js`, that a page loads with one tag, and what that fetches later. */
import { fileURLToPath } from 'node:url';
import { build, defineConfig, type Plugin } from 'vite';

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

const target = 'es2022';
const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Builds the controls for questions beside the widget, as a module: a script for every page can be in one piece only. */
const questions: Plugin = {
  name: 'questions',
  async generateBundle() {
    const lib = { entry: pathOf('widget/asking.ts'), formats: ['es' as const], fileName: () => 'widget-questions.js' };
    const built = await build({
      configFile: false,
      logLevel: 'warn',
      build: { target, lib, write: false, rolldownOptions: { output: { minify: true } } },
    });
    for (const { output } of [built].flat() as { output: { fileName: string; code: string }[] }[]) {
      for (const { fileName, code } of output) this.emitFile({ type: 'asset', fileName, source: code });
    }
  },
};

// biome-ignore lint/style/noDefaultExport: Vite reads the default export of its configuration
export default defineConfig({
  root: pathOf('.'),
  logLevel: 'warn',
  publicDir: false,
  plugins: [tightStyles, questions],
  build: {
    target,
    outDir: pathOf('../dist/web/'),
    emptyOutDir: true,
    sourcemap: false,
    lib: {
      entry: pathOf('widget/main.ts'),
      formats: ['iife'],
      name: 'companeroChat',
      fileName: () => 'widget.js',
    },
  },
});
