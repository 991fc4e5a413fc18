/** Takes many contacts in from elsewhere: each row is checked, found again by id or identity, and nobody is written to. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { ContactId, CreatorId, Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { type GivenContact, presentContacts, writeContacts } from '../store/contact-imports.ts';
import type { TellPrograms } from './tell-programs.ts';

/** One row of what is imported: a contact, or why it is none. */
export type ImportRow = { contact: GivenContact } | { problem: string };

/** What became of an import. Rows count from 1, without the line of names. */
export interface ImportReport {
  rows: number;
  created: number;
  updated: number;
  refused: number;
  /** The first 100 refusals. */
  errors: readonly { row: number; message: string }[];
}

const mostRows = 20_000;
const mostErrors = 100;
const batch = 500;

/**
 * Reads everything before anything is written, so that what cannot be read changes nothing; rows that are refused do not hold up the others. The
 * same rows again change nothing. Programs under way are told of the changed contact.
 *
 * @param options.dryRun tells what would become of it
 * @throws AppError TOO_LARGE more than 20,000 rows · what `rows` throws
 */
export async function importContacts(
  { db, ids, clock, log, tell }: { db: Database; ids: Ids; clock: Clock; log: Log; tell: TellPrograms },
  creatorId: CreatorId,
  rows: AsyncIterable<ImportRow>,
  { dryRun }: { dryRun: boolean },
): Promise<ImportReport> {
  const read = await readRows(rows);
  const report = { rows: read.count, created: 0, updated: 0, refused: read.errors.length };
  for (let from = 0; from < read.contacts.length; from += batch) {
    const slice = read.contacts.slice(from, from + batch);
    const given = slice.map(({ contact }) => contact);
    const present = await db.tenant(creatorId, (sql) => presentContacts(sql, creatorId, given));
    const lost = slice.filter(({ contact }, index) => present[index] === null && contact.externalId === null);
    for (const { row } of lost) read.errors.push({ row, message: 'No contact has this id: give an external_id, and one is made' });
    const missing = present.filter((id) => id === null).length - lost.length;
    const written = dryRun ? null : await writeContacts(db, creatorId, given, () => ids.uuid<ContactId>(), clock.now());
    // They are changed: what is not told now meets the change with its next turn.
    if (written) await tell(creatorId, written.changed).catch((error) => log.error('import.untold', error, { creator_id: creatorId }));
    const created = written?.made ?? missing;
    report.created += created;
    report.updated += slice.length - lost.length - created;
  }
  read.errors.sort((left, right) => left.row - right.row);
  return { ...report, refused: read.errors.length, errors: read.errors.slice(0, mostErrors) };
}

interface Read {
  count: number;
  contacts: { row: number; contact: GivenContact }[];
  errors: { row: number; message: string }[];
}

async function readRows(rows: AsyncIterable<ImportRow>): Promise<Read> {
  const read: Read = { count: 0, contacts: [], errors: [] };
  const rowOf = new Map<string, number>();
  for await (const given of rows) {
    const row = ++read.count;
    if (row > mostRows) throw new AppError('TOO_LARGE', `Import at most ${mostRows} rows at once`, { details: { max_rows: mostRows } });
    const problem = 'problem' in given ? given.problem : repeats(rowOf, row, given.contact);
    if (problem !== null) read.errors.push({ row, message: problem });
    else if ('contact' in given) read.contacts.push({ row, contact: given.contact });
  }
  return read;
}

/** Why a row cannot stand beside those before it: it names nobody, or somebody again. */
function repeats(rowOf: Map<string, number>, row: number, { id, channel, externalId }: GivenContact): string | null {
  const names = [...(id === null ? [] : [`id ${id}`]), ...(externalId === null ? [] : [`${channel} ${externalId}`])];
  if (names.length === 0) return 'Name the contact by external_id or id';
  const earlier = names.map((name) => rowOf.get(name)).find((known) => known !== undefined);
  for (const name of names) rowOf.set(name, row);
  return earlier === undefined ? null : `The same contact stands in row ${earlier}`;
}
