/** A creator's prompt templates on record, by version; version 0 is built in and has no row. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** A template as listed. */
export interface PromptRow {
  version: number;
  template: string;
  active: boolean;
  created_at: Date;
}

/** All versions of the creator, newest first. */
export function listPrompts(sql: Sql, creator: CreatorId): Promise<PromptRow[]> {
  return sql('select version, template, active, created_at from prompts where creator_id = $1 order by version desc', [creator]);
}

/** Adds a version, not active yet. Versions of one creator follow each other without a gap. */
export async function addPrompt(sql: Sql, creator: CreatorId, template: string, now: Date): Promise<PromptRow | null> {
  const [row] = await sql<PromptRow>(
    `insert into prompts (creator_id, version, template, created_at, updated_at)
     select $1, coalesce(max(version), 0) + 1, $2, $3, $3 from prompts where creator_id = $1
     on conflict do nothing returning version, template, active, created_at`,
    [creator, template, now],
  );
  return row ?? null;
}

/** Makes a version the active one; 0 brings the built-in one back. False when there is no such version. */
export async function activatePrompt(sql: Sql, creator: CreatorId, version: number, now: Date): Promise<boolean> {
  if (version > 0) {
    const known = await sql('select 1 from prompts where creator_id = $1 and version = $2', [creator, version]);
    if (known.length === 0) return false;
  }
  await sql('update prompts set active = false, updated_at = $2 where creator_id = $1 and active', [creator, now]);
  await sql('update prompts set active = true, updated_at = $3 where creator_id = $1 and version = $2', [creator, version, now]);
  return true;
}
