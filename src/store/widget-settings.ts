/** Where a creator's widget configuration is kept: under `widget` in the settings of the creator's row. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** The stored configuration with its `version`, not yet read by a schema; null before the first change, undefined without such a creator or while it is suspended. */
export async function readWidgetSettings(sql: Sql, creatorId: CreatorId): Promise<Record<string, unknown> | null | undefined> {
  const [row] = await sql<{ widget: Record<string, unknown> | null }>(
    `select settings -> 'widget' as widget from creators where creator_id = $1 and suspended_at is null`,
    [creatorId],
  );
  return row?.widget;
}

/** Replaces the configuration and gives its new version, or undefined without such a creator. */
export async function saveWidgetSettings(
  sql: Sql,
  creatorId: CreatorId,
  settings: Readonly<Record<string, unknown>>,
): Promise<number | undefined> {
  const [row] = await sql<{ version: number }>(
    `update creators set updated_at = now(), settings = settings || jsonb_build_object('widget',
       $2::jsonb || jsonb_build_object('version', coalesce((settings #>> '{widget,version}')::integer, 0) + 1))
     where creator_id = $1 returning (settings #>> '{widget,version}')::integer as version`,
    [creatorId, JSON.stringify(settings)],
  );
  return row?.version;
}
