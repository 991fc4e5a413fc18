/** Commands of the operator, on the machine of the installation: `npm run admin -- <command>`. With the embedded database the server must be stopped. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeOperator } from '../src/accounts/operators.ts';
import { rotateSigningKeys } from '../src/accounts/signing-keys.ts';
import { loadConfig } from '../src/config.ts';
import { embeddedMasterKey } from '../src/data-folder.ts';
import type { Database } from '../src/database.ts';
import { AppError } from '../src/errors.ts';
import { systemIds } from '../src/ids.ts';
import { jsonLog } from '../src/log.ts';
import { createSeal } from '../src/seal.ts';
import { resealAll } from '../src/secrets/reseal.ts';
import { auditedCreators, checkChain } from '../src/store/audit.ts';
import { deleteOperator } from '../src/store/operators.ts';
import { openPglite } from '../src/store/pglite.ts';
import { openPostgres } from '../src/store/postgres.ts';

const config = loadConfig(process.env);
const log = jsonLog('warn');

const commands: Record<string, { means: string; run(database: Database, argument: string): Promise<void> }> = {
  'operator add': {
    means: '<name>  make an operator and print the key, this once',
    async run(database, name) {
      const { id, text } = await makeOperator(database, systemIds, name || 'operator');
      console.log(`operator ${id}\n${text}`);
    },
  },
  'operator remove': {
    means: '<id>  end the key of an operator',
    async run(database, id) {
      console.log((await database.owner((sql) => deleteOperator(sql, id))) ? 'removed' : 'no such operator');
    },
  },
  'audit verify': {
    means: 'check every chain of the audit; exit code 1 when a row was changed or is missing',
    async run(database) {
      for (const creatorId of await auditedCreators(database.routing)) {
        const { rows, head, broken } = await database.tenant(creatorId, checkChain);
        console.log(
          `${creatorId} rows=${rows} head=${head} ${broken.length === 0 ? 'whole' : `BROKEN at ${broken.slice(0, 20).join(',')}`}`,
        );
        if (broken.length > 0) process.exitCode = 1;
      }
    },
  },
  'keys rotate': {
    means: 'add a signing key: restart the nodes now to publish it, and after ten minutes to sign with it',
    async run(database) {
      const { added, retired } = await rotateSigningKeys(database, await openSeal(), Date.now());
      console.log(`added ${added}, retired ${retired.length === 0 ? 'none' : retired.join(' ')}`);
    },
  },
  'secrets reseal': {
    means: 'seal every secret with MASTER_KEY, opening them with MASTER_KEY or MASTER_KEY_BEFORE',
    async run(database) {
      const seal = await openSeal();
      console.log(`sealed ${await resealAll(database, seal)} secrets with master key ${seal.keyId}`);
    },
  },
};

async function openSeal() {
  const { masterKey, masterKeyBefore, dataDir } = config;
  return createSeal(masterKey ?? (await embeddedMasterKey(dataDir)).key, masterKeyBefore === null ? [] : [masterKeyBefore]);
}

function usage(): never {
  console.error(
    ['Usage: npm run admin -- <command>', ...Object.entries(commands).map(([name, { means }]) => `  ${name} ${means}`)].join('\n'),
  );
  process.exit(2);
}

const [noun = '', verb = '', argument = ''] = process.argv.slice(2);
const { run } = commands[`${noun} ${verb}`] ?? usage();
const { databaseUrl, dataDir } = config;
try {
  if (databaseUrl === null && !existsSync(join(dataDir, 'postgres'))) {
    throw new AppError('NOT_FOUND', `Check DATA_DIR: there is no database in "${dataDir}"`);
  }
  const database = databaseUrl === null ? await openPglite({ dataDir, log }) : await openPostgres({ url: databaseUrl, log, poolSize: 2 });
  await run(database, argument).finally(() => database.close());
} catch (error) {
  console.error(error instanceof AppError ? error.message : String((error as Error).stack));
  process.exitCode = 1;
}
