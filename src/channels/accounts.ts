/** Opening connections: the row of a creator's account with its secrets unsealed, and the channel behind it. */
import * as v from 'valibot';
import type { Database } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import type { Seal } from '../seal.ts';
import { type ConnectionRow, creatorOfConnection, findConnection } from '../store/connections.ts';
import type { Channel, ChannelName, OpenConnection } from './channel.ts';

/** Every channel of this installation, by name. */
export type Channels = Readonly<Record<ChannelName, Channel>>;

const Secrets = v.record(v.string(), v.string());

/** What secrets are sealed for: they open for no other connection. */
export function sealContext(creatorId: CreatorId, id: string): string {
  return `connection:${creatorId}:${id}`;
}

/** A connection with its secrets. @throws Error when they were sealed by another master key */
export async function openConnection(seal: Seal, creatorId: CreatorId, row: ConnectionRow): Promise<OpenConnection> {
  const { id, channel, account, settings, sealedSecrets } = row;
  const secrets = v.parse(Secrets, JSON.parse(await seal.open(sealedSecrets, sealContext(creatorId, id))));
  return { creatorId, id, channel, account, settings, secrets };
}

/** The connection that a path names, on this channel; null when there is none. */
export async function connectionOfPath(
  { db, seal }: { db: Database; seal: Seal },
  channel: ChannelName,
  id: string,
): Promise<OpenConnection | null> {
  const creatorId = await creatorOfConnection(db, id);
  if (creatorId === undefined) return null;
  const row = await db.tenant(creatorId, (sql) => findConnection(sql, creatorId, id));
  return row?.channel === channel ? openConnection(seal, creatorId, row) : null;
}
