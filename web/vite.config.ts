/** Builds the widget into one script, `dist/web/widget.js`, that a page loads with one tag. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// biome-ignore lint/style/noDefaultExport: Vite reads the default export of its configuration
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  logLevel: 'warn',
  publicDir: false,
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
