/** Databases on the PostgreSQL server of a test run: made empty or from a template, and dropped. Their owner is no superuser. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** The login role that owns every test database: what a hosted server gives at most. */
const owner = 'companero_test_owner';

/** As whoever runs the server does where it has pgvector: the owner of a database may not. */
const withVectors = `do $$ begin
  if exists (select 1 from pg_available_extensions where name = 'vector') then create extension vector; end if;
end $$`;

async function asAdmin(server: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Makes a database owned by the test owner and gives its name. */
export async function createDatabase(server: string, template = 'template1'): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(
    server,
    `do $$ begin create role ${owner} login createrole password 'test'; exception when duplicate_object or unique_violation then null; end $$`,
    `create database ${name} template ${template} owner ${owner}`,
  );
  if (template === 'template1') await asAdmin(withDatabase(server, name), `alter schema public owner to ${owner}`, withVectors);
  return name;
}

export async function dropDatabase(server: string, name: string): Promise<void> {
  await asAdmin(server, `drop database if exists ${name} with (force)`);
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** The address of a test database, signed in as its owner. */
export function urlOf(server: string, name: string): string {
  const url = new URL(withDatabase(server, name));
  url.username = owner;
  url.password = 'test';
  return url.href;
}
