/** One rule for every history: each message is shown once and in order, and each of its own is sent until acknowledged. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openTab, settle, type Tab } from './harness.ts';
import { createModelServer, letItHold, type ModelServer } from './model-server.ts';

type Step =
  | { do: 'write' }
  | { do: 'coach' }
  | { do: 'take'; answers: boolean; twice: boolean }
  | { do: 'drop'; code: number }
  | { do: 'repeat'; at: number }
  | { do: 'pass'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('write' as const) }),
  fc.record({ do: fc.constant('coach' as const) }),
  fc.record({ do: fc.constant('take' as const), answers: fc.boolean(), twice: fc.boolean() }),
  fc.record({ do: fc.constant('drop' as const), code: fc.constantFrom(1006, 1001, 1013) }),
  fc.record({ do: fc.constant('repeat' as const), at: fc.nat(20) }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(100, 4_000, 30_000) }),
);

async function perform(action: Step, tab: Tab, server: ModelServer, written: string[]): Promise<void> {
  switch (action.do) {
    case 'write':
      tab.chat.send('words');
      written.push(tab.chat.waiting.at(-1)?.id ?? '');
      break;
    case 'coach':
      server.coach();
      break;
    case 'take':
      server.take(action);
      break;
    case 'drop':
      tab.sockets.at(-1)?.closes(action.code);
      break;
    case 'repeat':
      server.repeat(action.at);
      break;
    case 'pass':
      await tab.clock.advance(action.ms);
      break;
  }
  await settle();
  await server.greet();
}

/** Each message stands once, in order, and nothing that was written has disappeared. */
function check(tab: Tab, written: readonly string[]): void {
  const shown = tab.chat.record.messages;
  const seqs = shown.map((message) => message.seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((one, other) => one - other));
  const known = new Set([...tab.chat.waiting, ...shown].map(({ id }) => id));
  expect(written.filter((id) => !known.has(id))).toEqual([]);
}

it('shows each message once and in order, and sends its own until acknowledged, whatever is lost, doubled or cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const tab = openTab();
      const server = createModelServer(tab);
      const written: string[] = [];
      tab.chat.start();
      await settle();
      await server.greet();
      for (const action of steps) {
        await perform(action, tab, server, written);
        check(tab, written);
      }
      await letItHold(tab, server);
      expect(tab.chat.waiting).toEqual([]);
      expect(tab.chat.record.messages.map((message) => message.id)).toEqual(server.log.map((message) => message.id));
      expect(server.log.filter((message) => message.role === 'contact').map((message) => message.id)).toEqual(written);
    }),
    { numRuns: 200 },
  );
});
