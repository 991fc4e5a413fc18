/** Connections as they were a moment ago: a provider that sends hundreds of requests a second is not looked up for each. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Seal } from '../seal.ts';
import { connectionOfPath } from './accounts.ts';
import type { ChannelName, OpenConnection } from './channel.ts';

/** How old a connection may be. One that another node has let go is believed for this long at most. */
const freshMs = 5_000;
const mostConnections = 1_000;

/** The connections of this process. Secrets stay in its memory, as they do while a request is answered. */
export interface ConnectionBook {
  /**
   * The connection a path names on this channel, when it `fits`; read anew when the one in hand does not. Null when there is none that does.
   */
  find(channel: ChannelName, id: string, fits: (connection: OpenConnection) => Promise<boolean>): Promise<OpenConnection | null>;
  /** What is in hand of a connection is old. */
  forget(id: string): void;
}

/** An empty book. */
export function createConnectionBook({ db, seal, clock }: { db: Database; seal: Seal; clock: Pick<Clock, 'wall'> }): ConnectionBook {
  const known = new Map<string, { connection: OpenConnection; until: number }>();

  async function read(channel: ChannelName, id: string): Promise<OpenConnection | null> {
    const connection = await connectionOfPath({ db, seal }, channel, id);
    known.delete(id);
    if (connection === null) return null;
    if (known.size >= mostConnections) known.delete(known.keys().next().value ?? '');
    known.set(id, { connection, until: clock.wall() + freshMs });
    return connection;
  }

  return {
    async find(channel, id, fits) {
      const entry = known.get(id);
      const isFresh = entry !== undefined && entry.until > clock.wall() && entry.connection.channel === channel;
      if (isFresh && (await fits(entry.connection))) return entry.connection;
      const connection = await read(channel, id);
      return connection !== null && (await fits(connection)) ? connection : null;
    },
    forget: (id) => void known.delete(id),
  };
}
