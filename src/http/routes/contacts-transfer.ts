/** /api/v1/creators/contacts/import and /export: many contacts at once, as a table. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { Audit } from '../../accounts/audit.ts';
import { contactFilter, everyContact, type FindContactsDeps, liveDefinitions } from '../../actors/find-contacts.ts';
import { type ImportRow, importContacts } from '../../actors/import-contacts.ts';
import type { TellPrograms } from '../../actors/tell-programs.ts';
import type { Clock } from '../../clock.ts';
import { csvLine, readCsv, withoutGuard } from '../../csv.ts';
import type { Database } from '../../database.ts';
import { AppError } from '../../errors.ts';
import type { CreatorId, Ids } from '../../ids.ts';
import type { Log } from '../../log.ts';
import { type DeclaredFields, declaredFields, fieldFromText, fieldProblem, listFromText } from '../../programs/field-values.ts';
import type { Json } from '../../programs/scope.ts';
import { isStorable } from '../../storable.ts';
import { type ContactRow, identitiesOf } from '../../store/contacts.ts';
import { callerOf, type Member } from '../auth.ts';
import type { AppEnv, MemberEnv } from '../env.ts';
import { readJson, readText } from '../json.ts';
import type { CountLimit } from '../limits.ts';
import { describe } from '../openapi.ts';
import { query } from '../validate.ts';
import { GivenRow } from './contacts.ts';

const tag = 'contacts';
const maxBytes = 10 * 1024 * 1024;

const ImportAnswer = v.object({
  import: v.object({
    dry_run: v.boolean(),
    rows: v.number(),
    created: v.number(),
    updated: v.number(),
    refused: v.number(),
    errors: v.array(v.object({ row: v.number(), message: v.string() })),
  }),
});
const Rows = v.strictObject({ contacts: v.array(v.unknown()) });

/** Columns of a table that say something of a contact; `fields.<name>` are the others. */
const columns = ['id', 'channel', 'external_id', 'name', 'zone', 'language', 'tags'] as const;
/** Columns of an export that an import passes over: they are earned, not given. */
const earned = ['points', 'badges', 'created_at', 'updated_at'] as const;

/** What these routes need. */
export interface ContactsTransferDeps {
  database: Database;
  programs: FindContactsDeps['programs'];
  clock: Clock;
  ids: Ids;
  log: Log;
  /** Told of contacts that an import has changed. */
  tell: TellPrograms;
  audit: Audit;
  count: CountLimit;
  member: Member;
}

/** Mounted under /api/v1/creators/contacts, before what takes an id there. */
export function contactsTransferRoutes(deps: ContactsTransferDeps): Hono<AppEnv> {
  const { database: db, programs, clock, audit, count, member } = deps;
  const routes = new Hono<AppEnv>();

  async function note(c: Context<MemberEnv>, action: string): Promise<void> {
    const { principal } = c.var;
    const event = { action, outcome: 'done', subjectId: principal.creatorId } as const;
    await db.tenant(principal.creatorId, (sql) => audit.within(sql, principal.creatorId, { caller: callerOf(c), principal }, event));
  }

  routes.post(
    '/import',
    describe({
      tag,
      summary: 'Import contacts from a table; nobody is written to',
      description:
        '`text/csv` with a line of names, or `application/json` as `{"contacts": [{…}]}`; 10 MiB and 20,000 rows at most. ' +
        'A contact is found again by `id`, or by `external_id` on `channel` (`import` unless told), so that the same table twice changes nothing; ' +
        '`updated` counts those found again. ' +
        'Columns: `name`, `zone`, `language`, `tags` (parted by semicolons, added to those present), `fields.<name>` (declared by a live program); an empty ' +
        'cell leaves what is there. `dryRun=true` only tells what would become of it.',
      answers: { 200: ImportAnswer },
      errors: ['TOO_LARGE', 'UNSUPPORTED_MEDIA', 'RATE_LIMITED'],
    }),
    member('contacts.import'),
    query(v.strictObject({ dryRun: v.optional(v.picklist(['true', 'false']), 'false') })),
    async (c) => {
      const { creatorId } = c.var.principal;
      const dryRun = c.req.valid('query').dryRun === 'true';
      await count('import.creator', '', creatorId);
      const declared = declaredFields(await liveDefinitions(programs, creatorId));
      const rows = isCsv(c) ? csvRows(c, declared) : jsonRows(await readJson(c, maxBytes), declared);
      const report = await importContacts({ ...deps, db }, creatorId, rows, { dryRun });
      if (!dryRun) await note(c, 'contacts.import');
      return c.json({ import: { dry_run: dryRun, ...report, errors: [...report.errors] } });
    },
  );

  routes.get(
    '/export',
    describe({
      tag,
      summary: 'Contacts as a table (CSV), as an import takes them',
      description:
        '`filter` as in the list. The columns of fields are those that live programs declare. A text that a spreadsheet would compute has an apostrophe ' +
        'before it, which an import takes off again.',
      answers: { 200: null },
      forms: { 200: ['text/csv'] },
      errors: ['REAUTH_REQUIRED', 'RATE_LIMITED'],
    }),
    member('contacts.export'),
    query(v.strictObject({ filter: v.optional(v.pipe(v.string(), v.maxLength(2_000)), '') })),
    async (c) => {
      const { creatorId } = c.var.principal;
      const lets = await contactFilter({ programs, clock }, creatorId, c.req.valid('query').filter);
      await count('export.creator', '', creatorId);
      const fields = [...declaredFields(await liveDefinitions(programs, creatorId)).keys()].sort();
      await note(c, 'contacts.export');
      return c.body(streamOf(table(db, creatorId, everyContact({ db }, creatorId, lets), fields)), 200, {
        'Content-Type': 'text/csv; charset=utf-8',
        'Content-Disposition': 'attachment; filename="contacts.csv"',
      });
    },
  );

  return routes;
}

function isCsv(c: Context): boolean {
  return /^text\/csv\s*(;|$)/i.test(c.req.header('Content-Type') ?? '');
}

async function* jsonRows(given: unknown, declared: DeclaredFields): AsyncGenerator<ImportRow> {
  const body = v.safeParse(Rows, given);
  if (!body.success) throw new AppError('INVALID_INPUT', 'Send the rows as {"contacts": [{…}]}');
  for (const row of body.output.contacts) yield rowOf(row, declared);
}

async function* csvRows(c: Context, declared: DeclaredFields): AsyncGenerator<ImportRow> {
  let names: readonly string[] | null = null;
  for await (const cells of readCsv(readText(c, maxBytes))) {
    if (names !== null) yield cells.every(isStorable) ? rowOf(objectOf(names, cells, declared), declared) : { problem: 'Cannot hold NUL' };
    else names = namesOf(cells);
  }
  if (names === null) throw new AppError('INVALID_INPUT', 'Begin the table with the names of its columns');
}

/** @throws AppError INVALID_INPUT a column nobody knows, or one twice */
function namesOf(cells: readonly string[]): string[] {
  const names = cells.map((cell) => cell.trim());
  const known = new Set<string>([...columns, ...earned]);
  const unknown = names.find((name) => !known.has(name) && !/^fields\.[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name));
  if (unknown !== undefined) throw new AppError('INVALID_INPUT', `Cannot read the column ${JSON.stringify(unknown.slice(0, 100))}`);
  if (new Set(names).size < names.length) throw new AppError('INVALID_INPUT', 'Cannot accept a column twice');
  return names;
}

function objectOf(names: readonly string[], cells: readonly string[], declared: DeclaredFields): unknown {
  const row: Record<string, unknown> = {};
  const fields: [string, Json][] = [];
  for (const [index, name] of names.entries()) {
    const text = withoutGuard(cells[index] ?? '').trim();
    if (text === '' || (earned as readonly string[]).includes(name)) continue;
    const field = /^fields\.(.+)$/.exec(name)?.[1];
    if (field !== undefined) fields.push([field, fieldFromText(declared, field, text)]);
    else row[name] = name === 'tags' ? listFromText(text) : text;
  }
  return { ...row, fields: Object.fromEntries(fields) };
}

function rowOf(given: unknown, declared: DeclaredFields): ImportRow {
  const row = v.safeParse(GivenRow, given);
  if (!row.success) {
    const [issue] = row.issues;
    return { problem: `${issue.path?.map(({ key }) => String(key)).join('.') ?? 'row'}: ${issue.message}`.slice(0, 300) };
  }
  const { id = null, channel, external_id = null, name = null, zone = null, language = null, tags } = row.output;
  const fields = Object.fromEntries(Object.entries(row.output.fields).filter(([, value]) => value !== null));
  for (const [field, value] of Object.entries(fields)) {
    const problem = fieldProblem(declared, field, value);
    if (problem !== null) return { problem };
  }
  return { contact: { id, channel, externalId: external_id, name, zone, language, tags, fields } };
}

async function* table(
  db: Database,
  creatorId: CreatorId,
  pages: AsyncIterable<readonly ContactRow[]>,
  fields: readonly string[],
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  yield encoder.encode(csvLine([...columns, ...fields.map((field) => `fields.${field}`), ...earned]));
  for await (const page of pages) {
    const identities = await identitiesOf(
      db,
      creatorId,
      page.map(({ id }) => id),
    );
    const identityOf = new Map(identities.map((identity) => [identity.contactId, identity]));
    const lines = page.map((row) => csvLine(cellsOf(row, identityOf.get(row.id), fields)));
    if (lines.length > 0) yield encoder.encode(lines.join(''));
  }
}

/** One page is made when the client has taken the one before. */
function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await pieces.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: async () => void (await pieces.return(undefined)),
  });
}

function cellsOf(row: ContactRow, identity: { channel: string; externalId: string } | undefined, fields: readonly string[]): string[] {
  const { points = 0, badges = [] } = row.progress;
  return [
    ...[row.id, identity?.channel ?? '', identity?.externalId ?? '', row.name, row.zone ?? '', row.language ?? '', row.tags.join(';')],
    ...fields.map((field) => cellOf(row.fields[field])),
    ...[cellOf(points), cellOf(badges), row.createdAt.toISOString(), row.updatedAt.toISOString()],
  ];
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return Array.isArray(value) ? value.join(';') : String(value);
}
