/** /api/v1/creators/programs: drafts, checks, published versions and which of them is live. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import { createCalculations } from '../../actors/calculations.ts';
import type { Mailboxes } from '../../actors/input.ts';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import { AppError } from '../../errors.ts';
import type { Ids, ProgramId } from '../../ids.ts';
import type { Log } from '../../log.ts';
import { contentHash } from '../../programs/hash.ts';
import { definitionJsonSchema } from '../../programs/json-schema.ts';
import { machineJson } from '../../programs/machine.ts';
import { idSchema } from '../../programs/names.ts';
import type { Json } from '../../programs/scope.ts';
import { type FanOut, programsTopic } from '../../shared/fan-out.ts';
import {
  addVersion,
  createDraft,
  deleteProgram,
  getProgram,
  getVersion,
  listPrograms,
  listVersions,
  type ProgramRow,
  setLive,
  updateDraft,
} from '../../store/programs.ts';
import type { Member } from '../auth.ts';
import { definitionOf, reviewDraft, withoutErrors } from '../checked-definition.ts';
import type { AppEnv } from '../env.ts';
import { askedId } from '../idempotency.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageAnswer, pageOf, pageOfFew } from '../pagination.ts';
import { body, pathId, pathNumber, query } from '../validate.ts';
import { forecastRoutes } from './forecasts.ts';
import { migrationRoutes } from './migrations.ts';
import { simulationRoutes } from './simulations.ts';

const tag = 'programs';
/** A definition may have 256 KiB; the rest is the envelope around it. */
const maxBytes = 256 * 1024 + 1024;

const ifMatch = { 'If-Match': 'The ETag of the draft as it was read last, such as `"3"`.' };

/** A draft may be wrong in every way but one: its id names the program. */
const Draft = v.strictObject({
  definition: v.looseObject({
    meta: v.looseObject({ id: idSchema }),
  }),
});

const Id = v.pipe(v.string(), v.uuid());
const Time = v.pipe(v.string(), v.isoTimestamp());
const programEntries = {
  id: Id,
  slug: v.string(),
  title: v.nullable(v.string()),
  revision: v.number(),
  live_version: v.nullable(v.number()),
  created_at: Time,
  updated_at: Time,
};
const ProgramItem = v.object(programEntries);
const ProgramAnswer = v.object({ program: v.object({ ...programEntries, definition: v.looseObject({}) }) });
const FindingsAnswer = v.object({
  findings: v.array(
    v.object({
      severity: v.picklist(['error', 'warning']),
      code: v.string(),
      pointer: v.string(),
      message: v.string(),
      /** A shortest way to it, line by line. */
      transcript: v.optional(v.array(v.string())),
    }),
  ),
});
const versionEntries = { version: v.number(), hash: v.string(), live: v.boolean(), created_at: Time };
const VersionItem = v.object(versionEntries);
const VersionAnswer = v.object({ version: v.object({ ...versionEntries, definition: v.looseObject({}) }) });
const PublishAnswer = v.object({ version: v.number(), hash: v.string() });

/** What these routes need. */
export interface ProgramsRoutesDeps {
  database: Database;
  fanOut: FanOut;
  clock: Clock;
  ids: Ids;
  member: Member;
  mailboxes: Mailboxes;
  log: Log;
}

/** Mounted under /api/v1/creators/programs. */
export function programsRoutes({ database, fanOut, clock, ids, member, mailboxes, log }: ProgramsRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const definitions = { database, calculations: createCalculations(clock) };

  routes.get(
    '/schema.json',
    describe({ tag, summary: 'The JSON Schema of a definition', public: true, answers: { 200: v.looseObject({}) } }),
    (c) => c.json(definitionJsonSchema()),
  );

  routes.post(
    '/',
    describe({ tag, summary: 'Add a program with its first draft', answers: { 201: ProgramAnswer }, errors: ['CONFLICT', 'TOO_LARGE'] }),
    member('programs.write'),
    body(Draft, maxBytes),
    async (c) => {
      const { definition } = c.req.valid('json');
      const draft = { id: askedId(c) as ProgramId, slug: definition.meta.id, definition, at: clock.wall() };
      return sendProgram(c, await createDraft(database, c.var.principal.creatorId, draft), 201);
    },
  );

  routes.get(
    '/',
    describe({ tag, summary: 'List programs, newest first', answers: { 200: pageOf(ProgramItem) } }),
    member('programs.read'),
    query(PageQuery),
    async (c) => c.json(pageAnswer(await listPrograms(database, c.var.principal.creatorId, c.req.valid('query')), programItem)),
  );

  routes.get(
    '/:id',
    describe({ tag, summary: 'Read the draft; its ETag is the revision', answers: { 200: ProgramAnswer }, errors: ['NOT_FOUND'] }),
    member('programs.read'),
    async (c) => sendProgram(c, await getProgram(database, c.var.principal.creatorId, pathId(c)), 200),
  );

  routes.put(
    '/:id',
    describe({
      tag,
      summary: 'Replace the draft last read, named by If-Match',
      headers: ifMatch,
      answers: { 200: ProgramAnswer },
      errors: ['NOT_FOUND', 'CONFLICT', 'PRECONDITION_REQUIRED', 'PRECONDITION_FAILED', 'TOO_LARGE'],
    }),
    member('programs.write'),
    body(Draft, maxBytes),
    async (c) => {
      const { definition } = c.req.valid('json');
      const draft = { slug: definition.meta.id, definition, expectedRevision: expectedRevision(c), at: clock.wall() };
      return sendProgram(c, await updateDraft(database, c.var.principal.creatorId, pathId(c), draft), 200);
    },
  );

  routes.delete(
    '/:id',
    describe({
      tag,
      summary: 'Remove a program nobody follows, named as last read by If-Match',
      headers: ifMatch,
      answers: { 204: null },
      errors: ['NOT_FOUND', 'CONFLICT', 'PRECONDITION_REQUIRED', 'PRECONDITION_FAILED'],
    }),
    member('programs.write'),
    async (c) => {
      const { creatorId } = c.var.principal;
      await deleteProgram(database, creatorId, pathId(c), expectedRevision(c));
      fanOut.publish(programsTopic(creatorId), 'deleted');
      return c.body(null, 204);
    },
  );

  routes.post(
    '/:id/check',
    describe({ tag, summary: 'Check the draft', answers: { 200: FindingsAnswer }, errors: ['NOT_FOUND', 'OVERLOADED', 'UNAVAILABLE'] }),
    member('programs.read'),
    async (c) => {
      const { creatorId } = c.var.principal;
      const { draft } = await getProgram(database, creatorId, pathId(c));
      return c.json({ findings: (await reviewDraft(definitions, creatorId, draft)).findings });
    },
  );

  routes.post(
    '/:id/publish',
    describe({
      tag,
      summary: 'Publish the draft as an immutable version',
      answers: { 201: PublishAnswer },
      errors: ['NOT_FOUND', 'INVALID_PROGRAM', 'OVERLOADED', 'UNAVAILABLE'],
    }),
    member('programs.publish'),
    async (c) => {
      const { creatorId } = c.var.principal;
      const programId = pathId<ProgramId>(c);
      const { draft } = await getProgram(database, creatorId, programId);
      const definition = withoutErrors(await reviewDraft(definitions, creatorId, draft));
      const published = { definition, hash: contentHash(definition as unknown as Json), at: clock.wall() };
      const { version, hash } = await addVersion(database, creatorId, programId, published);
      return c.json({ version, hash }, 201);
    },
  );

  routes.get(
    '/:id/versions',
    describe({
      tag,
      summary: 'List published versions, newest first',
      answers: { 200: pageOf(VersionItem) },
      errors: ['NOT_FOUND'],
    }),
    member('programs.read'),
    query(PageQuery),
    async (c) => {
      const { creatorId } = c.var.principal;
      const { id, liveVersion } = await getProgram(database, creatorId, pathId(c));
      const versions = await listVersions(database, creatorId, id);
      return c.json(
        pageOfFew(
          versions,
          c.req.valid('query'),
          ({ version }) => String(version),
          (row) => versionItem(row, liveVersion),
        ),
      );
    },
  );

  routes.get(
    '/:id/versions/:n',
    describe({ tag, summary: 'Read a published version', answers: { 200: VersionAnswer }, errors: ['NOT_FOUND'] }),
    member('programs.read'),
    async (c) => {
      const { creatorId } = c.var.principal;
      const { id, liveVersion } = await getProgram(database, creatorId, pathId(c));
      const row = await getVersion(database, creatorId, id, pathNumber(c, 'n'));
      return c.json({ version: { ...versionItem(row, liveVersion), definition: row.definition } });
    },
  );

  routes.post(
    '/:id/versions/:n/live',
    describe({ tag, summary: 'Make a version the one that new runs get', answers: { 200: ProgramAnswer }, errors: ['NOT_FOUND'] }),
    member('programs.publish'),
    async (c) => {
      const { creatorId } = c.var.principal;
      const program = await setLive(database, creatorId, pathId(c), pathNumber(c, 'n'), clock.wall());
      fanOut.publish(programsTopic(creatorId), 'live');
      return sendProgram(c, program, 200);
    },
  );

  routes.get(
    '/:id/machine',
    describe({
      tag,
      summary: 'The draft as an XState machine in JSON',
      answers: { 200: v.looseObject({}) },
      errors: ['NOT_FOUND', 'INVALID_PROGRAM', 'OVERLOADED', 'UNAVAILABLE'],
    }),
    member('programs.read'),
    async (c) => {
      return c.json(machineJson(await definitionOf(definitions, c.var.principal.creatorId, pathId(c))));
    },
  );

  routes.route('/', simulationRoutes({ ...definitions, member }));
  routes.route('/', forecastRoutes({ ...definitions, clock, member, log }));
  routes.route('/', migrationRoutes({ db: database, fanOut, clock, ids, member, mailboxes, log }));
  return routes;
}

/** @throws AppError PRECONDITION_REQUIRED no If-Match · PRECONDITION_FAILED it is no revision of a draft */
function expectedRevision(c: Context): number {
  const header = c.req.header('If-Match');
  if (header === undefined) throw new AppError('PRECONDITION_REQUIRED', 'Send the ETag of the draft you read as If-Match');
  const match = /^"([1-9]\d{0,8})"$/.exec(header.trim());
  if (match === null) throw new AppError('PRECONDITION_FAILED', 'Read the program again: If-Match names no revision of it');
  return Number(match[1]);
}

function sendProgram(c: Context, row: ProgramRow, status: 200 | 201) {
  c.header('ETag', `"${row.draftRevision}"`);
  return c.json({ program: { ...programItem(row), definition: row.draft } }, status);
}

const Titled = v.object({ meta: v.object({ title: v.string() }) });

function programItem(row: ProgramRow): v.InferOutput<typeof ProgramItem> {
  const titled = v.safeParse(Titled, row.draft);
  return {
    id: row.id,
    slug: row.slug,
    title: titled.success ? titled.output.meta.title : null,
    revision: row.draftRevision,
    live_version: row.liveVersion,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

function versionItem(
  row: { version: number; hash: string; createdAt: Date },
  liveVersion: number | null,
): v.InferOutput<typeof VersionItem> {
  return { version: row.version, hash: row.hash, live: row.version === liveVersion, created_at: row.createdAt.toISOString() };
}
