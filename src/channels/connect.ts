/** Connecting accounts: checked with the provider, kept with sealed secrets, and let go again. */
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, Ids } from '../ids.ts';
import type { Seal } from '../seal.ts';
import {
  type ConnectionRow,
  findConnection,
  findConnectionOfAccount,
  listConnections,
  removeConnection,
  saveConnection,
} from '../store/connections.ts';
import { type Channels, openConnection, sealContext } from './accounts.ts';
import type { AccountSchema } from './channel.ts';

/** An account as its channel's schema gives it. */
export type GivenAccount = NonNullable<AccountSchema['~types']>['output'];

/** A connection with what its creator is told once. */
export interface NewConnection {
  connection: ConnectionRow;
  shown: Readonly<Record<string, string>>;
}

/** The connections of all creators. */
export interface Connections {
  list(creatorId: CreatorId): Promise<ConnectionRow[]>;
  /**
   * Connects an account. One that is connected already gets the new secrets and works again, under its old id.
   *
   * @throws AppError INVALID_INPUT the provider refuses it · UNAVAILABLE the provider cannot be asked
   */
  connect(creatorId: CreatorId, given: GivenAccount): Promise<NewConnection>;
  /** Lets an account go; its conversations stay. @throws AppError NOT_FOUND */
  disconnect(creatorId: CreatorId, id: string): Promise<void>;
  /** Where a connection's provider must send to. */
  webhookUrl(connection: Pick<ConnectionRow, 'channel' | 'id'>): string;
}

/** How long a provider may take to check an account, in milliseconds. */
const checkMs = 20_000;

/** What connecting needs. */
export interface ConnectionsDeps {
  db: Database;
  seal: Seal;
  ids: Ids;
  channels: Channels;
  /** Where providers reach this server, without a trailing slash. */
  publicUrl: string;
  /** Hears of a connection that was renewed or let go. */
  changed(id: string): void;
}

/** The connections of all creators, over their record. */
export function createConnections(deps: ConnectionsDeps): Connections {
  const { db, seal, ids, channels } = deps;
  const webhookUrl: Connections['webhookUrl'] = ({ channel, id }) =>
    `${deps.publicUrl}/api/v1/channels/${channel}/${id}${channel === 'webhook' ? '' : '/webhook'}`;

  return {
    webhookUrl,
    list: (creatorId) => db.tenant(creatorId, (sql) => listConnections(sql, creatorId)),

    async connect(creatorId, given) {
      const { channel, name, uncertain } = given;
      const signal = AbortSignal.timeout(checkMs);
      // The id is in the address given to the provider, so an account's own comes before the provider has named the account.
      const offered = ids.uuid();
      const first = await channels[channel].connect(given, webhookUrl({ channel, id: offered }), signal);
      const known = await db.tenant(creatorId, (sql) => findConnectionOfAccount(sql, creatorId, channel, first.account));
      const id = known?.id ?? offered;
      const connected = known ? await channels[channel].connect(given, webhookUrl({ channel, id }), signal) : first;
      const sealedSecrets = await seal.seal(JSON.stringify(connected.secrets), sealContext(creatorId, id));
      const settings = { ...connected.settings, uncertain };
      const row = { id, channel, account: connected.account, name, settings, sealedSecrets };
      const connection = await db.tenant(creatorId, (sql) => saveConnection(sql, creatorId, row));
      deps.changed(id);
      return { connection, shown: connected.shown ?? {} };
    },

    async disconnect(creatorId, id) {
      const row = await db.tenant(creatorId, (sql) => findConnection(sql, creatorId, id));
      if (row === undefined) throw new AppError('NOT_FOUND', 'Cannot find what this address names');
      const connection = await openConnection(seal, creatorId, row);
      await channels[row.channel].disconnect(connection, AbortSignal.timeout(checkMs)).catch(() => {
        // A provider that cannot be told goes on sending to an address that no longer exists.
      });
      await db.tenant(creatorId, (sql) => removeConnection(sql, creatorId, id));
      deps.changed(id);
    },
  };
}
