/** Typing on outside channels: shown again and again while an answer is written, for each lasts only seconds. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Deliveries } from '../deliveries.ts';
import type { Log } from '../log.ts';
import type { Seal } from '../seal.ts';
import { findConnection } from '../store/connections.ts';
import { addressOfConversation } from '../store/identities.ts';
import { type Channels, openConnection } from './accounts.ts';

/** What showing it needs. */
export interface TypingDeps {
  db: Database;
  clock: Clock;
  log: Log;
  seal: Seal;
  channels: Channels;
}

/** Shows typing where a channel can. */
export function createTyping({ db, clock, log, seal, channels }: TypingDeps): Deliveries['showTyping'] {
  async function find({ creatorId, conversationId }: Parameters<Deliveries['showTyping']>[0]) {
    const [row, address] = await db.tenant(creatorId, async (sql) => {
      const to = await addressOfConversation(sql, creatorId, conversationId);
      return [to && (await findConnection(sql, creatorId, to.connectionId)), to];
    });
    const everyMs = row && channels[row.channel].capabilities.typingEveryMs;
    if (!row || !address || !everyMs || row.status !== 'active') return null;
    return { everyMs, address, channel: channels[row.channel], connection: await openConnection(seal, creatorId, row) };
  }

  return async function showTyping(key, until) {
    try {
      const found = await find(key);
      if (found === null) return;
      const { everyMs, address, channel, connection } = found;
      // The message itself was noticed with typing when it came.
      while (await passed(clock, everyMs, until)) await channel.showTyping(address, connection, until);
    } catch (error) {
      if (!until.aborted) log.warn('typing.failed', { creator_id: key.creatorId, name: (error as Error).name });
    }
  };
}

/** Resolves after a while: false when the signal came first. */
function passed(clock: Clock, ms: number, until: AbortSignal): Promise<boolean> {
  if (until.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const stop = clock.after(ms, () => {
      until.removeEventListener('abort', end);
      resolve(true);
    });
    function end(): void {
      stop();
      resolve(false);
    }
    until.addEventListener('abort', end, { once: true });
  });
}
