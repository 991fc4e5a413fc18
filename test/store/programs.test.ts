/** Programs on record: drafts, versions, and which is live. */
import { expect, it } from 'vitest';
import { type CreatorId, type ProgramId, uuidV7 } from '../../src/ids.ts';
import * as programs from '../../src/store/programs.ts';
import { testCreator, testDatabase } from '../support/database.ts';

const db = await testDatabase();
const at = Date.parse('2026-11-21T12:00:00Z');

/** Ids of one millisecond have no order: each draft is made a millisecond after the one before. */
let made = 0;

async function draft(slug = 'move', creator?: CreatorId) {
  const creatorId = creator ?? (await testCreator(db));
  made += 1;
  const id = uuidV7(at + made, crypto.getRandomValues(new Uint8Array(10))) as ProgramId;
  const program = await programs.createDraft(db, creatorId, { id, slug, definition: { meta: [1] }, at });
  return { creatorId, id, program };
}
const code = (expected: string) => expect.objectContaining({ code: expected });

it('keeps the order of names, which means something in a chart', async () => {
  const { creatorId, id } = await draft();
  const definition = { zeta: { b: 1, aa: 2, a: { y: 1, x: 2 } }, alpha: 0 };
  const { draft: kept } = await programs.updateDraft(db, creatorId, id, { slug: 'move', definition, expectedRevision: 1, at });
  expect(JSON.stringify(kept)).toBe(JSON.stringify(definition));
  const { version } = await programs.addVersion(db, creatorId, id, { definition, hash: 'h', at });
  expect(JSON.stringify((await programs.getVersion(db, creatorId, id, version)).definition)).toBe(JSON.stringify(definition));
  const turned = { alpha: 0, zeta: definition.zeta };
  const publish = async (one: object) => (await programs.addVersion(db, creatorId, id, { definition: one, hash: 'h', at })).version;
  expect([await publish(definition), await publish(turned), await publish(turned)]).toEqual([1, 2, 2]);
});

it('keeps a draft as it was given', async () => {
  const { creatorId, id, program } = await draft();
  expect(program).toEqual({
    id,
    slug: 'move',
    draft: { meta: [1] },
    draftRevision: 1,
    liveVersion: null,
    createdAt: new Date(at),
    updatedAt: new Date(at),
  });
  expect(await programs.getProgram(db, creatorId, id)).toEqual(program);
});

it('refuses a second program with the same slug, but not another creator’s', async () => {
  const { creatorId } = await draft();
  await expect(draft('move', creatorId)).rejects.toEqual(code('CONFLICT'));
  await draft('move');
});

it('changes a draft only from the revision it was read at', async () => {
  const { creatorId, id } = await draft();
  const change = { slug: 'run', definition: [2], expectedRevision: 1, at: at + 1 };
  expect(await programs.updateDraft(db, creatorId, id, change)).toMatchObject({ slug: 'run', draft: [2], draftRevision: 2 });
  const late = programs.updateDraft(db, creatorId, id, change);
  await expect(late).rejects.toMatchObject({ code: 'PRECONDITION_FAILED', details: { revision: 2 } });
  await draft('taken', creatorId);
  await expect(programs.updateDraft(db, creatorId, id, { ...change, slug: 'taken', expectedRevision: 2 })).rejects.toEqual(
    code('CONFLICT'),
  );
});

it('numbers versions from one, and gives the newest again for the same definition', async () => {
  const { creatorId, id } = await draft();
  const publish = (hash: string) => programs.addVersion(db, creatorId, id, { definition: { hash }, hash, at });
  const published = [await publish('a'), await publish('a'), await publish('b'), await publish('a')];
  expect(published.map((version) => version.version)).toEqual([1, 1, 2, 3]);
  expect((await programs.listVersions(db, creatorId, id)).map(({ version, hash }) => [version, hash])).toEqual([
    [3, 'a'],
    [2, 'b'],
    [1, 'a'],
  ]);
  expect(await programs.getVersion(db, creatorId, id, 2)).toMatchObject({ definition: { hash: 'b' }, hash: 'b' });
});

it('gives each of many publishers at once a number of its own', async () => {
  const { creatorId, id } = await draft();
  const all = await Promise.all(['a', 'b', 'c'].map((hash) => programs.addVersion(db, creatorId, id, { definition: {}, hash, at })));
  expect(all.map((version) => version.version).sort()).toEqual([1, 2, 3]);
});

it('makes a version live, another, and none', async () => {
  const { creatorId, id } = await draft();
  await programs.addVersion(db, creatorId, id, { definition: { v: 1 }, hash: 'a', at });
  expect(await programs.livePrograms(db, creatorId)).toEqual([]);
  await programs.setLive(db, creatorId, id, 1, at);
  expect(await programs.livePrograms(db, creatorId)).toEqual([
    { programId: id, slug: 'move', version: 1, hash: 'a', definition: { v: 1 } },
  ]);
  await expect(programs.setLive(db, creatorId, id, 2, at)).rejects.toEqual(code('NOT_FOUND'));
  expect(await programs.setLive(db, creatorId, id, null, at)).toMatchObject({ liveVersion: null });
  expect(await programs.livePrograms(db, creatorId)).toEqual([]);
});

it('removes a program with its versions, live or not', async () => {
  const { creatorId, id } = await draft();
  await programs.addVersion(db, creatorId, id, { definition: {}, hash: 'a', at });
  await programs.setLive(db, creatorId, id, 1, at);
  await expect(programs.deleteProgram(db, creatorId, id, 2)).rejects.toEqual(code('PRECONDITION_FAILED'));
  await programs.deleteProgram(db, creatorId, id, 1);
  await expect(programs.getProgram(db, creatorId, id)).rejects.toEqual(code('NOT_FOUND'));
});

it('finds nothing of another creator', async () => {
  const { id } = await draft();
  const stranger = await testCreator(db);
  const tries = [
    () => programs.getProgram(db, stranger, id),
    () => programs.getVersion(db, stranger, id, 1),
    () => programs.deleteProgram(db, stranger, id, 1),
    () => programs.setLive(db, stranger, id, null, at),
    () => programs.addVersion(db, stranger, id, { definition: {}, hash: 'a', at }),
    () => programs.updateDraft(db, stranger, id, { slug: 's', definition: {}, expectedRevision: 1, at }),
  ];
  for (const attempt of tries) await expect(attempt()).rejects.toEqual(code('NOT_FOUND'));
});

it('lists page by page, newest first, and refuses cursors it did not give', async () => {
  const { creatorId } = await draft('s0');
  for (const slug of ['s1', 's2']) await draft(slug, creatorId);
  const first = await programs.listPrograms(db, creatorId, { limit: 2 });
  const second = await programs.listPrograms(db, creatorId, { limit: 2, cursor: first.nextCursor ?? '' });
  expect([first, second].map((page) => page.items.map((program) => program.slug))).toEqual([['s2', 's1'], ['s0']]);
  expect(second.nextCursor).toBeNull();
  for (const cursor of ['', 'x', Buffer.from('["1"]').toString('base64url'), 'A'.repeat(10_000)]) {
    await expect(programs.listPrograms(db, creatorId, { limit: 2, cursor })).rejects.toEqual(code('INVALID_INPUT'));
  }
});
