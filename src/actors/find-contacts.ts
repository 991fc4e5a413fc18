/** Contacts by an expression over what programs know of them: read from the record page by page, chosen here. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';
import type { Definition } from '../programs/definition.ts';
import { ExpressionError } from '../programs/expressions.ts';
import { createFilter } from '../programs/filter.ts';
import type { Contact } from '../programs/scope.ts';
import { type ContactNarrowing, type ContactRow, contactPlace, listContacts } from '../store/contacts.ts';
import { type Page, type PageRequest, pageOf } from '../store/cursor.ts';
import { readContact } from './hydrate.ts';
import type { Programs } from './live-programs.ts';

/** What finding contacts needs. */
export interface FindContactsDeps {
  db: Database;
  programs: Programs;
  clock: Clock;
}

const pageSize = 500;
/** So many contacts are looked at for one page of a list; what is left goes on behind the cursor, so a page may hold fewer than asked for. */
const mostLookedAt = 10_000;

/** The definitions that are live for new runs. @throws AppError UNAVAILABLE */
export async function liveDefinitions(programs: Programs, creatorId: CreatorId): Promise<readonly Definition[]> {
  return (await programs.live(creatorId)).map(({ program }) => program.definition);
}

/** Whether a contact passes a filter. @throws AppError INVALID_INPUT it cannot be read · UNAVAILABLE */
export async function contactFilter(
  { programs, clock }: Pick<FindContactsDeps, 'programs' | 'clock'>,
  creatorId: CreatorId,
  source: string,
): Promise<(contact: Contact) => boolean> {
  const definitions = await liveDefinitions(programs, creatorId);
  try {
    return createFilter(source, definitions, clock.now());
  } catch (error) {
    if (error instanceof ExpressionError) throw new AppError('INVALID_INPUT', `Cannot filter: ${error.message}`, { cause: error });
    throw error;
  }
}

/** One page of the contacts that pass a filter, newest first. @throws AppError INVALID_INPUT a foreign cursor, or a filter that cannot be read */
export async function findContacts(
  deps: FindContactsDeps,
  creatorId: CreatorId,
  { filter, limit, ...request }: PageRequest & ContactNarrowing & { filter: string },
): Promise<Page<ContactRow>> {
  if (filter.trim() === '') return listContacts(deps.db, creatorId, { ...request, limit });
  const lets = await contactFilter(deps, creatorId, filter);
  const found: ContactRow[] = [];
  let { cursor } = request;
  for (let looked = 0; looked < mostLookedAt; looked += pageSize) {
    const page = await listContacts(deps.db, creatorId, { ...request, cursor, limit: pageSize });
    found.push(...page.items.filter((row) => lets(readContact(row))));
    if (found.length > limit || page.nextCursor === null) return pageOf(found, limit, (row) => row, contactPlace);
    cursor = page.nextCursor;
  }
  return { items: found, nextCursor: cursor ?? null };
}

/** All of them, one page of the record in memory at a time. @throws AppError INVALID_INPUT */
export async function* everyContact(
  { db }: Pick<FindContactsDeps, 'db'>,
  creatorId: CreatorId,
  lets: (contact: Contact) => boolean,
): AsyncGenerator<ContactRow[]> {
  for (let cursor: string | undefined; ; ) {
    const page: Page<ContactRow> = await listContacts(db, creatorId, { cursor, limit: pageSize });
    yield page.items.filter((row) => lets(readContact(row)));
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}
