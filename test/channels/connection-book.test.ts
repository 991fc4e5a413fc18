/** Connections in hand: few look-ups, and none that outlives what it stands for by more than five seconds. */
import { expect, it } from 'vitest';
import { sealContext } from '../../src/channels/accounts.ts';
import { createConnectionBook } from '../../src/channels/connection-book.ts';
import { systemIds } from '../../src/ids.ts';
import { createSeal } from '../../src/seal.ts';
import { removeConnection, saveConnection } from '../../src/store/connections.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';

const db = await testDatabase();
const seal = await createSeal(new Uint8Array(32).fill(3));

async function connected() {
  const creatorId = await testCreator(db);
  const id = systemIds.uuid();
  const save = async (secret: string) => {
    const sealedSecrets = await seal.seal(JSON.stringify({ secret }), sealContext(creatorId, id));
    const row = { id, channel: 'webhook', account: id, name: '', settings: {}, sealedSecrets } as const;
    await db.tenant(creatorId, (sql) => saveConnection(sql, creatorId, row));
  };
  await save('first');
  let lookups = 0;
  const routing: typeof db.routing = (text, params) => {
    lookups += 1;
    return db.routing(text, params);
  };
  const clock = manualClock(0);
  const book = createConnectionBook({ db: { ...db, routing }, seal, clock });
  const remove = () => db.tenant(creatorId, (sql) => removeConnection(sql, creatorId, id));
  const find = (secret: string) => book.find('webhook', id, async (found) => found.secrets.secret === secret);
  return { id, book, clock, save, remove, find, lookups: () => lookups };
}

it('is looked up once in five seconds', async () => {
  const { clock, find, lookups } = await connected();
  for (const _again of [1, 2, 3]) expect((await find('first'))?.secrets).toEqual({ secret: 'first' });
  expect(lookups()).toBe(1);
  clock.advance(5_000);
  await find('first');
  expect(lookups()).toBe(2);
});

it('is read anew when its secret does not fit, so that a renewed one counts at once', async () => {
  const { find, save } = await connected();
  await find('first');
  await save('second');
  expect(await find('second')).not.toBeNull();
  expect(await find('first')).toBeNull();
});

it('is gone at once where it was let go, and five seconds later elsewhere', async () => {
  const { id, book, clock, find, remove } = await connected();
  await find('first');
  await remove();
  expect(await find('first')).not.toBeNull();
  clock.advance(5_000);
  expect(await find('first')).toBeNull();
  book.forget(id);
  expect(await find('first')).toBeNull();
});

it('is none on another channel', async () => {
  const { id, book, find } = await connected();
  await find('first');
  expect(await book.find('telegram', id, async () => true)).toBeNull();
});
