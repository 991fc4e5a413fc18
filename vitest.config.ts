/** The test projects: `unit` needs nothing but Node, the others say what they need in CONTRIBUTING.md. */
import { defineConfig } from 'vitest/config';

/** What takes seconds a test, because it is large or waits: apart, so that `npm test` stays short. */
const long = [
  'test/actors/months.test.ts',
  'test/channels/{outage,week,push/push,telegram/telegram,webhook/webhook,whatsapp/rows}.test.ts',
  'test/http/{any-json,logs,slow-sockets}.test.ts',
  'test/rag/{answer,answer-record,degradation,evaluation,models,reader,reader-hostile}.test.ts',
  'test/shared/fan-out.test.ts',
  'test/simulation/**/*.test.ts',
  'test/store/{pglite,synced-folder}.test.ts',
];
/** What puts something of its own in the place of a module, which others must not import. */
const mocked = ['test/http/lost-replies.test.ts'];
const unit = {
  // The files of a worker share the modules they import: half of the time went into importing them anew for each.
  isolate: false,
  globalSetup: ['test/support/global-setup.ts'],
  testTimeout: 20_000,
  hookTimeout: 60_000,
};

// biome-ignore lint/style/noDefaultExport: Vitest reads the default export of its configuration
export default defineConfig({
  test: {
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          // test/runtime is portable: `node --test` and `deno test` run it.
          exclude: ['test/{acceptance,browser,nodes,runtime}/**', ...long, ...mocked],
          ...unit,
        },
      },
      { test: { name: 'long', include: long, ...unit } },
      { test: { name: 'mocked', include: mocked, ...unit, isolate: true } },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          // Beside other suites a page may need more than the one second of the default.
          expect: { poll: { timeout: 10_000 } },
        },
      },
      {
        test: {
          name: 'acceptance',
          include: ['test/acceptance/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: { name: 'nodes', include: ['test/nodes/**/*.test.ts'], testTimeout: 240_000, hookTimeout: 60_000, fileParallelism: false },
      },
    ],
    coverage: { include: ['src/**/*.ts'] },
  },
});
