/** A readable archive that is written while it is read: a zip of what a creator or a contact has on record. */
import { strToU8, Zip, ZipDeflate } from 'fflate';
import type { Database } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';
import { messagesAfter } from '../store/conversations.ts';
import { conversationIds, readRows, type Subject, type TenantTable, tenantTables } from '../store/tenant-tables.ts';

/** A file that rows name, and how to read it. */
export interface KeptFiles {
  /** The table whose rows name the files, and the column. */
  table: string;
  column: string;
  /** The ending of the name in the archive, with its dot. */
  endingOf(row: Readonly<Record<string, unknown>>): string;
  read(creatorId: CreatorId, name: string): Promise<Uint8Array>;
}

const pageRows = 500;

/**
 * The archive: one JSON file a table, transcripts of conversations to read, and the files that rows name. Holds one page of rows and one file
 * in memory at a time; what is changed meanwhile may or may not be in it.
 */
export function archiveOf(
  database: Database,
  creatorId: CreatorId,
  subject: Subject,
  files: readonly KeptFiles[],
): ReadableStream<Uint8Array> {
  const ready: Uint8Array[] = [];
  let failure: Error | null = null;
  const zip = new Zip((error, chunk) => {
    failure ??= error;
    if (chunk !== undefined && chunk.byteLength > 0) ready.push(chunk);
  });

  async function* write(): AsyncGenerator<void> {
    yield* put('README.txt', [strToU8(readme)]);
    const tables = await database.tenant(creatorId, tenantTables);
    for (const table of tables) yield* put(`${table.name}.json`, json(table));
    for (const id of await database.tenant(creatorId, (sql) => conversationIds(sql, subject))) {
      yield* put(`transcripts/${id}.txt`, transcript(id));
    }
    for (const kept of files) {
      const table = tables.find(({ name }) => name === kept.table);
      for await (const row of table === undefined ? [] : rows(table)) {
        yield* put(`${kept.table}/${String(row.id)}${kept.endingOf(row)}`, [await kept.read(creatorId, String(row[kept.column]))]);
      }
    }
    zip.end();
  }

  /** One entry, whole before the next begins: fflate holds back what follows an entry that is not ended. */
  async function* put(name: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<void> {
    const entry = new ZipDeflate(name);
    zip.add(entry);
    for await (const piece of pieces) {
      entry.push(piece);
      yield;
    }
    entry.push(new Uint8Array(), true);
  }

  async function* rows(table: TenantTable): AsyncGenerator<Record<string, unknown>> {
    for (let after: string | null = null; ; ) {
      const page = await database.tenant(creatorId, (sql) => readRows(sql, table, subject, after, pageRows));
      if (page === null || page.length === 0) return;
      yield* page.map(({ row }) => row);
      after = page.at(-1)?.place ?? null;
    }
  }

  async function* json(table: TenantTable): AsyncGenerator<Uint8Array> {
    let before = '[\n';
    for await (const row of rows(table)) {
      yield strToU8(before + JSON.stringify(row, null, 2));
      before = ',\n';
    }
    yield strToU8(before === '[\n' ? '[]\n' : '\n]\n');
  }

  async function* transcript(conversationId: ConversationId): AsyncGenerator<Uint8Array> {
    for (let after = 0; ; ) {
      const page = await messagesAfter(database, { creatorId, conversationId }, after, pageRows);
      if (page.length === 0) return;
      yield strToU8(page.map(({ at, role, body }) => `${at} ${role}: ${body.text}\n`).join(''));
      after = page.at(-1)?.seq ?? after;
    }
  }

  const steps = write();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const { done } = await steps.next();
        if (failure !== null) throw failure;
        for (const chunk of ready.splice(0)) controller.enqueue(chunk);
        if (done) return controller.close();
        if ((controller.desiredSize ?? 0) <= 0) return;
      }
    },
    async cancel() {
      await steps.return(undefined);
    },
  });
}

const readme = `What Compañero has on record.

Each .json file holds the rows of one table: times are ISO 8601, ids name rows of other files. Folder transcripts has the messages of each
conversation to read, one a line: time, who wrote, text. Folders with the name of a table hold uploaded files under the id of their row.
Left out: digests and sealed secrets, and vectors, which say nothing to people.
`;
