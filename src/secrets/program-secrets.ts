/** The secrets that programs send with their calls: each goes to one host, is sealed on record and is never given back. */
import type { Database } from '../database.ts';
import type { CreatorId, Ids } from '../ids.ts';
import type { Seal } from '../seal.ts';
import { findProgramSecret, type ProgramSecretRow, saveProgramSecret } from '../store/program-secrets.ts';

/** A secret as it is sent: the header and what stands in it. */
export interface SentSecret {
  host: string;
  header: string;
  value: string;
}

/** Keeps secrets and opens them. */
export interface ProgramSecrets {
  /** Keeps a secret under a name, in place of one that is there. */
  keep(creatorId: CreatorId, name: string, secret: SentSecret): Promise<ProgramSecretRow>;
  /** The secret of this name, to be sent; null when there is none. @throws Error when it was sealed by a master key that is not here */
  open(creatorId: CreatorId, name: string): Promise<SentSecret | null>;
}

/** What a secret is sealed for: it opens as no other. */
export const programSecretContext = (id: string): string => `program-secret:${id}`;

/** The secrets of programs over the record. */
export function createProgramSecrets({ db, seal, ids }: { db: Database; seal: Seal; ids: Ids }): ProgramSecrets {
  return {
    async keep(creatorId, name, { host, header, value }) {
      const before = await db.tenant(creatorId, (sql) => findProgramSecret(sql, name));
      const id = before?.id ?? ids.uuid();
      const sealed_secret = await seal.seal(value, programSecretContext(id));
      return db.tenant(creatorId, (sql) => saveProgramSecret(sql, creatorId, { id, name, host, header, sealed_secret }));
    },
    async open(creatorId, name) {
      const row = await db.tenant(creatorId, (sql) => findProgramSecret(sql, name));
      if (!row) return null;
      const { host, header } = row;
      return { host, header, value: await seal.open(row.sealed_secret, programSecretContext(row.id)) };
    },
  };
}
