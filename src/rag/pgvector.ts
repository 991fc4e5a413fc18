/** Vectors in PostgreSQL with pgvector: an exact scan of one creator's rows. */
import type { Database } from '../database.ts';
import type { VectorIndex } from './index.ts';
import type { ChunkKey } from './lexical.ts';

/**
 * Vectors beside the chunks, in a table made now where pgvector has come to the server since it was set up; null when this database has no
 * pgvector, or no right to it, and ranking by words serves alone.
 */
export async function openPgvector(db: Database): Promise<VectorIndex | null> {
  const [made] = await db.owner((sql) => sql<{ present: boolean }>('select make_embeddings() as present'));
  return made?.present === true ? pgvectorIndex(db) : null;
}

function pgvectorIndex(db: Database): VectorIndex {
  return {
    put: (creator, { document, generation, at }, model, vectors) =>
      db.tenant(creator, async (sql) => {
        const rows = vectors.map(({ position, vector }) => ({ position, embedding: JSON.stringify(vector), dimensions: vector.length }));
        // Joined with the chunks: a document deleted meanwhile gets no vectors, and no error.
        await sql(
          `insert into embeddings (creator_id, document_id, generation, position, model, dimensions, embedding, created_at, updated_at)
           select $1, $2, $3, v.position, $4, v.dimensions, v.embedding::vector, $6, $6
           from jsonb_to_recordset($5::jsonb) as v (position int, dimensions int, embedding text)
           join chunks c on c.creator_id = $1 and c.document_id = $2 and c.generation = $3 and c.position = v.position
           on conflict (creator_id, document_id, generation, position, model) do update
             set embedding = excluded.embedding, dimensions = excluded.dimensions, updated_at = excluded.updated_at`,
          [creator, document, generation, model, JSON.stringify(rows), at],
        );
        return { lost: false };
      }),
    nearest: (creator, model, vector, documents, most) =>
      db.tenant(creator, (sql) =>
        sql<ChunkKey & { similarity: number }>(
          `select e.document_id, e.generation, e.position, (1 - (e.embedding <=> $3::vector))::float8 as similarity
           from embeddings e join documents d on d.creator_id = e.creator_id and d.id = e.document_id and d.live = e.generation
           where e.creator_id = $1 and e.model = $2 and e.dimensions = $4 and ($5::uuid[] is null or e.document_id = any ($5))
           order by e.embedding <=> $3::vector, e.document_id, e.position limit $6`,
          [creator, model, JSON.stringify(vector), vector.length, documents === null ? null : [...documents], most],
        ),
      ),
    async remove(creator, document, olderThan) {
      await db.tenant(creator, (sql) =>
        sql(
          `delete from embeddings where creator_id = $1 and document_id = $2
             and ($3::int is null or generation < $3 or (generation = $3 and model <> $4))`,
          [creator, document, olderThan?.generation ?? null, olderThan?.model ?? null],
        ),
      );
    },
    async removeAll(creator) {
      await db.tenant(creator, (sql) => sql('delete from embeddings where creator_id = $1', [creator]));
    },
  };
}
