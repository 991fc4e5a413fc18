/** Reading and forgetting everything on record: with a marker that must be found before, and nowhere after. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import { afterAll, describe, expect, test } from 'vitest';
import { createWarmTier } from '../../src/actors/warm.ts';
import { createFiles } from '../../src/files.ts';
import { privacyRoutes } from '../../src/http/routes/privacy.ts';
import { type ContactId, type CreatorId, systemIds } from '../../src/ids.ts';
import { createMedia } from '../../src/media/media.ts';
import { createPictures } from '../../src/media/pictures.ts';
import { openPrivacy } from '../../src/privacy/open.ts';
import { type SessionNews, sessionsTopic } from '../../src/shared/fan-out.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { openRedisCache } from '../../src/shared/redis.ts';
import { patchContact } from '../../src/store/contacts.ts';
import { tenantTables } from '../../src/store/tenant-tables.ts';
import { testApp } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { vectorDatabase } from '../support/database.ts';
import { keptLog } from '../support/kept-log.ts';
import { learn, testKnowledge } from '../support/knowledge.ts';
import { startOllama } from '../support/ollama.ts';
import { makeRuntime, openTestConversation } from '../support/runtime.ts';
import { soon } from '../support/soon.ts';

const marker = 'ZEBRAFINCH';
const day = 24 * 60 * 60_000;
const database = await vectorDatabase();
const clock = manualClock(Date.UTC(2026, 0, 1));
const { log, lines } = keptLog();
const { TEST_REDIS_URL: redisUrl, TEST_CHROMA_URL: chromaUrl } = process.env;
const cache = redisUrl === undefined ? createMemoryCache(clock) : await openRedisCache({ url: redisUrl, log });
afterAll(() => cache.close());
const runtime = makeRuntime(database, { clock, log, warm: createWarmTier({ cache, clock, log }) });
const knowledge = await testKnowledge(database, { clock, cache, log });
const mediaFolder = await mkdtemp(join(tmpdir(), 'companero-media-'));
afterAll(() => rm(mediaFolder, { recursive: true, force: true }));
const mediaFiles = createFiles(mediaFolder, systemIds);
const media = createMedia({ db: database, files: mediaFiles, pictures: createPictures(clock) });
const documentFiles = createFiles(knowledge.folder, systemIds);
const kept = {
  database,
  documents: knowledge.documents,
  documentFiles,
  media,
  mediaFiles,
  clock,
  cache,
  log,
};
let privacy = undefined as unknown as ReturnType<typeof openPrivacy>;
const parts = await testApp(database, clock, {
  mailboxes: runtime.mailboxes,
  cache,
  log,
  mounts(accounts) {
    privacy = openPrivacy({ ...kept, ...accounts });
    return [{ path: '/api/v1/auth/privacy', routes: privacyRoutes({ database, ...privacy, ...accounts }) }];
  },
});
const { newMember } = parts;
await parts.fanOut.subscribe(sessionsTopic, runtime.hearSessions);
const { erasing, retention } = privacy;

/** One round of a pump that is not left running. */
async function runOnce(pump: typeof erasing.pump): Promise<void> {
  pump.start();
  await pump.stop();
}

/** An erasure from its first round to its end: the second comes when what nodes had in hand is written. */
async function eraseAll(pump = erasing.pump): Promise<void> {
  await runOnce(pump);
  clock.advance(5_000);
  await runOnce(pump);
}

/** What nodes share of a creator, as it is kept. */
async function sharedOf(creatorId: CreatorId): Promise<string> {
  const keys = await cache.keys(`:creator_${creatorId}:`);
  return (await Promise.all(keys.map(async (key) => `${key}=${await cache.get(key)}`))).join('\n');
}

/** What the server of vectors has of a creator; nothing where there is none. */
async function vectorsOf(creatorId: CreatorId): Promise<string> {
  if (chromaUrl === undefined) return '';
  const collections = `${chromaUrl}/api/v2/tenants/default_tenant/databases/default_database/collections`;
  const found = ((await (await fetch(`${collections}?limit=1000`)).json()) as { id: string; name: string }[]).filter(({ name }) =>
    name.includes(creatorId),
  );
  const whole = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' };
  return (await Promise.all(found.map(async ({ id }) => (await fetch(`${collections}/${id}/get`, whole)).text()))).join('\n');
}

/** Everywhere something is kept of a creator. */
async function everywhere(creatorId: CreatorId) {
  return {
    record: await recordOf(creatorId),
    disk: await diskOf(creatorId),
    shared: await sharedOf(creatorId),
    vectors: await vectorsOf(creatorId),
  };
}

/** Every row of every table, as the creator sees it. */
async function recordOf(creatorId: CreatorId): Promise<string> {
  const tables = await database.owner((sql) =>
    sql<{ name: string }>(
      "select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'creator_id' where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'",
    ),
  );
  const rows = await Promise.all(
    tables.map(({ name }) => database.tenant(creatorId, (sql) => sql(`select '${name}' as "table", to_jsonb(t) as row from ${name} t`))),
  );
  return JSON.stringify(rows.flat());
}

async function diskOf(creatorId: CreatorId, documentsFolder = knowledge.folder): Promise<string> {
  const folders = [join(documentsFolder, creatorId), join(mediaFolder, creatorId)];
  const texts = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      return Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')));
    }),
  );
  return texts.flat().join('\n');
}

/** A creator with a contact who left the marker everywhere. */
async function marked() {
  const member = await newMember();
  const key = await openTestConversation(database, member.creatorId);
  const [row] = await database.tenant(member.creatorId, (sql) =>
    sql<{ contact_id: ContactId }>('select contact_id from conversations where id = $1', [key.conversationId]),
  );
  const contactId = row?.contact_id as ContactId;
  const hook = { url: 'https://hooks.example', events: '{message,conversation.state}' };
  await database.tenant(member.creatorId, (sql) =>
    sql("insert into webhooks (creator_id, id, url, events, sealed_secret) values ($1, $2, $3, $4, 's')", [
      member.creatorId,
      parts.ids.uuid(),
      hook.url,
      hook.events,
    ]),
  );
  await runtime.mailboxes.deliver(key, {
    id: `msg:${parts.ids.uuid()}`,
    kind: 'message',
    messageId: parts.ids.uuid(),
    text: `I am ${marker}`,
  });
  await patchContact(database, member.creatorId, contactId, { name: marker, fields: { city: marker }, tags: [marker] }, clock.now());
  await database.tenant(member.creatorId, (sql) => sql(`update contacts set consent = '{"promo": true}' where id = $1`, [contactId]));
  await media.keep(member.creatorId, {
    conversationId: key.conversationId,
    name: `${marker}.txt`,
    bytes: new TextEncoder().encode(`I am ${marker}`),
  });
  return { ...member, key, contactId };
}

const unzip = async (response: Response) => {
  const entries = unzipSync(new Uint8Array(await response.arrayBuffer()));
  return Object.fromEntries(Object.entries(entries).map(([name, bytes]) => [name, strFromU8(bytes, true)]));
};

describe('an export', () => {
  test('of a contact holds its rows, transcripts and files, and nothing of anybody else', async () => {
    const { call, creatorId, contactId, key } = await marked();
    const other = await openTestConversation(database, creatorId);
    await runtime.mailboxes.deliver(other, { id: 'msg:other', kind: 'message', messageId: parts.ids.uuid(), text: 'ALBATROSS' });
    const response = await call('POST', `/api/v1/auth/privacy/contacts/${contactId}/export`);
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'application/zip']);
    const entries = await unzip(response);
    expect(JSON.parse(entries['contacts.json'] ?? '')).toMatchObject([{ id: contactId, name: marker, fields: { city: marker } }]);
    expect(JSON.parse(entries['consent_records.json'] ?? '')).toMatchObject([{ purpose: 'promo', granted: true }]);
    expect(entries[`transcripts/${key.conversationId}.txt`]).toContain(`contact: I am ${marker}\n`);
    expect(Object.entries(entries).some(([name, text]) => name.startsWith('media/') && text.includes(marker))).toBe(true);
    const all = JSON.stringify(entries);
    expect(all).not.toContain('ALBATROSS');
    expect(entries['members.json'] ?? '[]').toBe('[]\n');
  });

  test('of the workspace holds every table and document, without digests and secrets', async () => {
    const { call } = await marked();
    const entries = await unzip(await call('POST', '/api/v1/auth/privacy/export'));
    expect(JSON.parse(entries['members.json'] ?? '')).toMatchObject([{ email: expect.stringContaining('@example.org'), role: 'owner' }]);
    expect(JSON.stringify(entries)).not.toMatch(/password_hash|argon2|sealed_secret|"digest"/);
    expect(JSON.stringify(entries)).toContain(marker);
  });

  test('row 22: of a contact of another creator is not found', async () => {
    const [ana, ben] = [await marked(), await marked()];
    for (const act of ['export', 'erase']) {
      const [foreign, unknown] = await Promise.all(
        [ben.contactId, parts.ids.uuid()].map(async (id) => {
          const response = await ana.call('POST', `/api/v1/auth/privacy/contacts/${id}/${act}`);
          const { message, code } = ((await response.json()) as { error: Record<string, string> }).error;
          return [response.status, code, message?.replace(id, 'ID')];
        }),
      );
      expect(foreign).toEqual(unknown);
      expect(foreign?.[0]).toBe(404);
    }
    expect(await recordOf(ben.creatorId)).toContain(marker);
  });
});

describe('an erasure', () => {
  test('row 22: of a contact reaches every copy, ends the conversation, and asked twice is the same job', async () => {
    const { call, creatorId, contactId, key } = await marked();
    const answer = { keep: `answer:creator_${creatorId}:of-a-question`, text: `${marker} asked` };
    await cache.set(answer.keep, answer.text, 3_600_000);
    clock.advance(250);
    await expect.poll(() => sharedOf(creatorId)).toContain(`snapshot:creator_${creatorId}:${key.conversationId}`);
    const before = await everywhere(creatorId);
    for (const place of [before.record, before.disk, before.shared]) expect(place).toContain(marker);
    const news: SessionNews[] = [];
    const stop = await parts.fanOut.subscribe(sessionsTopic, (heard) => news.push(heard as SessionNews));
    const ask = async () => (await call('POST', `/api/v1/auth/privacy/contacts/${contactId}/erase`)).json();
    const first = (await ask()) as { erasure: { id: string; status: string } };
    expect(first.erasure.status).toBe('queued');
    expect(((await ask()) as typeof first).erasure.id).toBe(first.erasure.id);
    const running = Promise.allSettled([
      runtime.mailboxes.deliver(key, { id: 'msg:late', kind: 'message', messageId: parts.ids.uuid(), text: marker }),
    ]);
    await runOnce(erasing.pump);
    await running;
    // As a node would that had the conversation in hand when its rows went.
    await cache.set(`snapshot:creator_${creatorId}:${key.conversationId}`, marker, 600_000);
    expect((await ask()) as typeof first).toMatchObject({ erasure: { status: 'queued' } });
    clock.advance(5_000);
    await runOnce(erasing.pump);
    stop();
    expect(JSON.stringify(await everywhere(creatorId))).not.toContain(marker);
    expect(news).toContainEqual({ creator_id: creatorId, conversation_ids: [key.conversationId] });
    await expect(
      runtime.mailboxes.deliver(key, { id: 'msg:after', kind: 'message', messageId: parts.ids.uuid(), text: 'x' }),
    ).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect((await ask()) as typeof first).toMatchObject({ erasure: { id: first.erasure.id, status: 'done' } });
    expect((await call('GET', `/api/v1/creators/contacts/${contactId}`)).status).toBe(404);
    expect(await (await call('GET', `/api/v1/auth/privacy/erasures/${first.erasure.id}`)).json()).toMatchObject({
      erasure: { status: 'done' },
    });
  });

  test('of the workspace reaches documents, vectors and answers too, and leaves audit rows and the job, which hold ids only', async () => {
    const ollama = await startOllama({ reply: () => `The ${marker} sings at dawn [1].` });
    const written = await testKnowledge(database, {
      clock,
      cache,
      log,
      ollamaUrl: ollama.url,
      ...(chromaUrl !== undefined && { chromaUrl }),
    });
    const { erasing: whole } = openPrivacy({
      ...kept,
      ...parts,
      documents: written.documents,
      documentFiles: createFiles(written.folder, systemIds),
    });
    const { call, creatorId, pair } = await marked();
    await learn(written, creatorId, `# The ${marker}\n\nThe ${marker} sings at dawn in the garden of the coach.`, `${marker}.md`);
    const question = {
      creatorId,
      question: `When does the ${marker} sing?`,
      history: [],
      language: 'en',
      instructions: null,
      collections: null,
    };
    expect(await written.answers.answer(question, AbortSignal.timeout(10_000), () => undefined)).toMatchObject({
      grounded: true,
      degraded: false,
    });
    const bystander = await marked();
    const before = { ...(await everywhere(creatorId)), disk: await diskOf(creatorId, written.folder) };
    expect(before.shared).toMatch(new RegExp(`answer:creator_${creatorId}:.*${marker}`));
    for (const place of [before.record, before.disk, ...(chromaUrl === undefined ? [] : [before.vectors])]) expect(place).toContain(marker);
    expect((await call('POST', '/api/v1/auth/privacy/erase')).status).toBe(202);
    expect((await call('GET', '/api/v1/auth/me')).status).toBe(401);
    await eraseAll(whole.pump);
    expect((await call('GET', '/api/v1/auth/me')).status).toBe(401);
    const { record, shared, vectors } = await everywhere(creatorId);
    expect(record).not.toContain(marker);
    expect(record).not.toMatch(/@example\.org|Ana/);
    expect([...new Set((JSON.parse(record) as { table: string }[]).map(({ table }) => table))].sort()).toEqual(['audit', 'erasures']);
    expect([await diskOf(creatorId), await diskOf(creatorId, written.folder), vectors]).toEqual(['', '', '']);
    expect(shared).toBe('');
    await expect(
      parts.sessions.refresh(pair.refresh_token, { userAgent: null, address: 'x', requestId: parts.ids.uuid() }),
    ).rejects.toMatchObject({
      code: 'SESSION_ENDED',
    });
    expect(await recordOf(bystander.creatorId)).toContain(marker);
    expect((await bystander.call('GET', '/api/v1/auth/me')).status).toBe(200);
  });

  test('of a contact waits for the turn that is under way, and neither of them fails', async () => {
    const { call, creatorId, contactId, key } = await marked();
    await call('POST', `/api/v1/auth/privacy/contacts/${contactId}/erase`);
    let waiting = false;
    const watched: typeof database = {
      ...database,
      tenant: (creator, work) =>
        database.tenant(creator, (sql) =>
          work((text, params) => {
            waiting ||= /for update$|delete from conversations /.test(text);
            return sql(text, params);
          }),
        ),
    };
    const { erasing: meeting } = openPrivacy({ ...kept, ...parts, database: watched });
    let erased: Promise<void> = Promise.resolve();
    await database.tenant(creatorId, async (sql) => {
      await sql('select from conversations where id = $1 for update', [key.conversationId]);
      erased = runOnce(meeting.pump);
      // The embedded database does one thing after the other.
      if (database.kind === 'postgres') await soon(() => expect(waiting).toBe(true));
      await sql('update messages set updated_at = now() where conversation_id = $1', [key.conversationId]);
    });
    await erased;
    expect(await recordOf(creatorId)).not.toContain(marker);
  });

  test('that fails is taken up again once its claim has run out', async () => {
    const { call, creatorId, contactId } = await marked();
    await call('POST', `/api/v1/auth/privacy/contacts/${contactId}/erase`);
    let failures = 1;
    const shaky = openPrivacy({
      ...kept,
      ...parts,
      media: { forget: (...args) => (failures-- > 0 ? Promise.reject(new Error('disk')) : media.forget(...args)) },
    });
    await runOnce(shaky.erasing.pump);
    expect(await recordOf(creatorId)).toContain(marker);
    await runOnce(shaky.erasing.pump);
    expect(await recordOf(creatorId)).toContain(marker);
    clock.advance(5 * 60_000 + 1);
    await runOnce(shaky.erasing.pump);
    expect(await recordOf(creatorId)).not.toContain(marker);
  });

  test('leaves nothing in the logs, which never held it', () => {
    expect(lines.some((line) => line.includes('erasure.done'))).toBe(true);
    expect(lines.filter((line) => /ZEBRAFINCH|@example\.org/.test(line))).toEqual([]);
  });
});

test('every table is of a contact or a conversation, or is known to hold nothing of any', async () => {
  const tables = await database.tenant(parts.ids.uuid<CreatorId>(), tenantTables);
  const ofWorkspace = tables.filter(({ has }) => !has.contact && !has.conversation).map(({ name }) => name);
  // Contacts by their own id, webhook deliveries by what they tell; reports of delivery hold the provider's ids of messages.
  const ofContacts = 'contacts webhook_deliveries delivery_reports';
  const made = 'programs program_versions program_migrations program_secrets broadcasts documents chunks postings embeddings collections';
  const chosen = 'creators connections webhooks retention prompts model_choices knowledge_versions';
  const members = 'members mail_tokens api_keys refresh_families';
  expect(ofWorkspace.sort()).toEqual(`${ofContacts} ${made} ${chosen} ${members}`.split(' ').sort());
});

describe('retention', () => {
  test('forgets old messages and fields, by their own age, and leaves the rest', async () => {
    const { call, creatorId, contactId, key } = await marked();
    await database.tenant(creatorId, (sql) => sql('update messages set created_at = $1', [new Date(clock.now())]));
    await database.tenant(creatorId, (sql) => sql('update inputs set created_at = $1', [new Date(clock.now())]));
    await database.tenant(creatorId, async (sql) => {
      await sql("update webhook_deliveries set status = 'done', created_at = $1", [new Date(clock.now())]);
      await sql(
        `insert into answer_records (creator_id, id, conversation_id, question, answer, grounded, degraded, cached, model, prompt_version, passages, duration_ms, created_at)
         values ($1, gen_random_uuid(), $2, $3, 'x', true, false, false, 'm', 'p', '[]', 1, $4)`,
        [creatorId, key.conversationId, marker, new Date(clock.now())],
      );
    });
    const chosen = { message_days: 30, field_days: { city: 10 } };
    expect((await call('PUT', '/api/v1/auth/privacy/retention', chosen)).status).toBe(200);
    expect(await (await call('GET', '/api/v1/auth/privacy/retention')).json()).toEqual(chosen);
    const read = () =>
      database.tenant(creatorId, async (sql) => ({
        messages: JSON.stringify(await sql('select body from messages where conversation_id = $1', [key.conversationId])),
        inputs: JSON.stringify(await sql('select payload from inputs where conversation_id = $1', [key.conversationId])),
        answers: JSON.stringify(await sql('select question from answer_records where conversation_id = $1', [key.conversationId])),
        told: JSON.stringify(await sql('select payload from webhook_deliveries')),
        fields: JSON.stringify(await sql('select fields from contacts where id = $1', [contactId])),
      }));
    await runOnce(retention);
    expect(Object.values(await read()).every((text) => text.includes(marker))).toBe(true);
    clock.advance(11 * day);
    await runOnce(retention);
    expect(await read()).toMatchObject({ messages: expect.stringContaining(marker), fields: expect.not.stringContaining(marker) });
    clock.advance(20 * day);
    await runOnce(retention);
    expect(Object.values(await read()).some((text) => text.includes(marker))).toBe(false);
  });
});

test('each change of consent leaves a record, one from elsewhere with its proof', async () => {
  const { call, creatorId, contactId } = await marked();
  await database.tenant(creatorId, (sql) =>
    sql(`update contacts set consent = '{"promo": false, "nudge": true}' where id = $1`, [contactId]),
  );
  await database.tenant(creatorId, (sql) => sql(`update contacts set consent = '{"nudge": true}', name = 'x' where id = $1`, [contactId]));
  const { items } = (await (await call('GET', `/api/v1/auth/privacy/contacts/${contactId}/consent`)).json()) as {
    items: Record<string, unknown>[];
  };
  const changes = items.map(({ purpose, granted }) => `${purpose} ${granted}`).sort();
  expect(changes).toEqual(['nudge true', 'promo false', 'promo null', 'promo true']);

  const given = { purpose: 'messages', granted: true, note: 'Signed the form at the gym on 3 May' };
  const path = `/api/v1/auth/privacy/contacts/${contactId}/consent`;
  for (const _again of [1, 2]) {
    clock.advance(1_000);
    expect((await call('POST', path, given)).status).toBe(204);
  }
  const proved = ((await (await call('GET', path)).json()) as typeof items & { items: Record<string, unknown>[] }).items;
  expect(proved.filter(({ purpose }) => purpose === 'messages')).toMatchObject([
    { granted: true, proof: { how: 'member', note: given.note } },
    { granted: true, proof: { how: 'member', note: given.note } },
  ]);
  expect((await call('POST', path, { ...given, note: ' ' })).status).toBe(400);
});
