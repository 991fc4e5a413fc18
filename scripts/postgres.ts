/** Runs a command with TEST_DATABASE_URL set to a throw-away PostgreSQL server: `node scripts/postgres.ts vitest run`. */
import { spawn } from 'node:child_process';
import { startPostgres } from '../test/support/postgres-server.ts';

const [command, ...args] = process.argv.slice(2);
if (command === undefined) throw new Error('Name the command to run: node scripts/postgres.ts <command> [arguments]');
const server = await startPostgres();
const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, TEST_DATABASE_URL: server.url } });
const code = await new Promise<number>((resolve, reject) => {
  child.once('error', reject);
  child.once('exit', (exitCode) => resolve(exitCode ?? 1));
}).finally(() => server.stop());
process.exitCode = code;
