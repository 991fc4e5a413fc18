/** Everything about outside channels, put together: the way out, and the way in once there are mailboxes. */
import type { Mailboxes } from '../actors/input.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Deliveries } from '../deliveries.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Seal } from '../seal.ts';
import type { Cache } from '../shared/cache.ts';
import type { Channels } from './accounts.ts';
import { type Connections, createConnections } from './connect.ts';
import { createConnectionBook } from './connection-book.ts';
import { createDeliveries, type SentFiles } from './deliver.ts';
import { createLinks, type Links } from './link.ts';
import type { Fetch } from './provider-call.ts';
import { createReceiver, type Receiver } from './receive.ts';
import type { KeepMedia } from './received-files.ts';
import { createTelegram } from './telegram/telegram.ts';
import { createWebhook } from './webhook/webhook.ts';
import { createWhatsApp } from './whatsapp/whatsapp.ts';

/** What outside channels need. Addresses without a trailing slash. */
export interface OutsideDeps {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  seal: Seal;
  cache: Cache;
  /** Asks providers, whose addresses the installation names. */
  fetch: Fetch;
  /** Asks addresses that creators name. */
  guardedFetch: Fetch;
  whatsapp: { url: string; version: string };
  telegram: { url: string };
  keepMedia: KeepMedia;
  files: SentFiles;
  /** Where providers reach this server. */
  publicUrl: string;
}

/** The outside channels of this process. */
export interface Outside {
  channels: Channels;
  deliveries: Deliveries;
  connections: Connections;
  links: Links;
  /** The way in; `mailboxes` are those whose sends `deliveries` runs. */
  receiver(mailboxes: Mailboxes): Receiver;
}

/** Puts the outside channels together. */
export function createOutside(deps: OutsideDeps): Outside {
  const { db, clock, log, seal, cache, fetch, ids } = deps;
  const randomBytes = () => crypto.getRandomValues(new Uint8Array(32));
  const newToken = () => Buffer.from(randomBytes()).toString('base64url');
  const channels: Channels = {
    whatsapp: createWhatsApp({ ...deps.whatsapp, fetch, newToken }),
    telegram: createTelegram({ ...deps.telegram, fetch, newToken }),
    webhook: createWebhook({ fetch: deps.guardedFetch, newToken, now: () => clock.wall() }),
  };
  const book = createConnectionBook({ db, seal, clock });
  const links = createLinks({ db, cache, clock, randomBytes });
  return {
    channels,
    links,
    deliveries: createDeliveries({ db, clock, log, seal, cache, channels, files: deps.files, random: Math.random }),
    connections: createConnections({ db, seal, ids, channels, publicUrl: deps.publicUrl, changed: book.forget }),
    receiver: (mailboxes) => createReceiver({ db, clock, ids, log, book, channels, mailboxes, links, keepMedia: deps.keepMedia }),
  };
}
