/** Linking: a one-use key that joins another identity to a person, so that the conversation goes on where it was. */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { ConversationKey, Input } from '../actors/input.ts';
import type { Clock } from '../clock.ts';
import type { WidgetPrincipal } from '../context.ts';
import type { Database, Sql } from '../database.ts';
import type { ContactId, ConversationId, CreatorId, SessionId } from '../ids.ts';
import type { Cache } from '../shared/cache.ts';
import { conversationAt, joinIdentity, moveConversation, saveAddress } from '../store/identities.ts';
import { mergeContacts } from '../store/merge-contacts.ts';
import type { OpenConnection, Sender } from './channel.ts';

/** How long a key may be used, in milliseconds. */
export const linkKeyMs = 600_000;

/** 16 random bytes: what a deep link of Telegram and a person's thumb both bear. */
const keyShape = /^(?:link[\s:-]+)?([A-Za-z0-9_-]{22})$/i;

/** What a key stands for, and the conversation that the person was in before and does not go on with. */
export interface Linked {
  conversationId: ConversationId;
  contactId: ContactId;
  sessionId: SessionId;
  left: ConversationId | null;
}

/** The input that ends a conversation its person does not go on with. @param id of what joined it */
export function leaving(id: string): Input {
  return { id: `left:${id}`, kind: 'control', act: 'end', reason: 'joined with another conversation' };
}

/** What the cache knows of a key: its conversation, until when it is good (wall milliseconds since 1970), and who has used it. */
const Kept = v.object({
  conversation: v.string(),
  until: v.number(),
  used: v.optional(v.object({ by: v.string(), left: v.nullable(v.string()) })),
});
type Kept = v.InferOutput<typeof Kept>;

export interface Links {
  /** A key for this conversation: one use, ten minutes. */
  issue(key: ConversationKey): Promise<string>;
  /**
   * Joins a person of an outside channel to the conversation that the words name a key of, and makes one contact of the two they may have
   * been. Null when they name none that is good here. A join that fails uses nothing up, and the same event gives the same again.
   *
   * @param said the words, and the id under which the provider may repeat them
   */
  joinOutside(
    said: { words: string; eventId: string },
    connection: OpenConnection,
    from: Sender,
    windowExpiresAt: number | null,
  ): Promise<Linked | null>;
  /**
   * Joins a widget session to the conversation a key stands for, and makes one contact of two. Null when the key is not good here. A join that
   * fails uses nothing up, and the same session may ask again. Messages go on leaving by the outside channel too: the widget reads the record whichever way they leave, and a reminder must reach a person whose page is closed.
   */
  joinWidget(words: string, principal: WidgetPrincipal): Promise<Linked | null>;
}

/** What linking needs. */
export interface LinksDeps {
  db: Database;
  cache: Cache;
  clock: Clock;
  /** Unguessable bytes, 16 or more a call. */
  randomBytes(): Uint8Array;
}

/** The links of this process. */
export function createLinks({ db, cache, clock, randomBytes }: LinksDeps): Links {
  /**
   * Uses a key up by what it is used for. Taken out meanwhile, so that nobody else uses it; put back unless the use has succeeded, and for
   * whoever has used it and did not hear so. The cache knows only its digest: who reads it cannot link.
   */
  async function redeem(
    creatorId: CreatorId,
    { words, by }: { words: string; by: string },
    use: (sql: Sql, linked: Omit<Linked, 'left'>) => Promise<ConversationId | null>,
  ): Promise<Linked | null> {
    const key = keyShape.exec(words.trim())?.[1];
    const name = key === undefined ? null : cacheKey(creatorId, key);
    const text = name === null ? null : await cache.take(name);
    if (name === null || text === null) return null;
    const kept = v.parse(Kept, JSON.parse(text));
    let next: Kept | null = kept;
    try {
      if (kept.used !== undefined && kept.used.by !== by) return null;
      const joined = await db.tenant(creatorId, async (sql) => {
        const linked = await find(sql, creatorId, kept.conversation as ConversationId);
        if (linked === null) return null;
        const left = kept.used === undefined ? await use(sql, linked) : (kept.used.left as ConversationId | null);
        return { ...linked, left: left === linked.conversationId ? null : left };
      });
      next = joined && { ...kept, used: { by, left: joined.left } };
      return joined;
    } finally {
      // What the join came to counts, not whether this could be noted.
      await putBack(name, next).catch(() => undefined);
    }
  }

  async function putBack(name: string, kept: Kept | null): Promise<void> {
    const leftMs = kept === null ? 0 : kept.until - clock.wall();
    if (leftMs > 0) await cache.set(name, JSON.stringify(kept), leftMs);
  }

  async function find(sql: Sql, creatorId: CreatorId, conversationId: ConversationId): Promise<Omit<Linked, 'left'> | null> {
    const [row] = await sql<Omit<Linked, 'left'>>(
      `select id as "conversationId", contact_id as "contactId", session_id as "sessionId" from conversations where creator_id = $1 and id = $2`,
      [creatorId, conversationId],
    );
    return row ?? null;
  }

  /** Whoever was in the other conversation is the contact of this one. */
  async function merge(sql: Sql, creatorId: CreatorId, left: ConversationId | null, linked: Omit<Linked, 'left'>): Promise<void> {
    const other = left === null ? null : await find(sql, creatorId, left);
    if (other !== null) await mergeContacts(sql, creatorId, other.contactId, linked.contactId, new Date(clock.now()));
  }

  return {
    async issue({ creatorId, conversationId }) {
      const key = Buffer.from(randomBytes().subarray(0, 16)).toString('base64url');
      await putBack(cacheKey(creatorId, key), { conversation: conversationId, until: clock.wall() + linkKeyMs });
      return key;
    },

    joinOutside({ words, eventId }, connection, from, windowExpiresAt) {
      const { creatorId, id: connectionId, channel } = connection;
      const { externalId, phone } = from;
      const by = JSON.stringify([connectionId, externalId, eventId]);
      return redeem(creatorId, { words, by }, async (sql, linked) => {
        const { conversationId, contactId } = linked;
        const left = await conversationAt(sql, { creatorId, connectionId, externalId });
        await joinIdentity(sql, { creatorId, channel, externalId, contactId });
        await merge(sql, creatorId, left, linked);
        await saveAddress(sql, { creatorId, connectionId, externalId }, { conversationId, phone, windowExpiresAt });
        await moveConversation(sql, { creatorId, conversationId }, { channel, connectionId });
        return left;
      });
    },

    joinWidget(words, { creatorId, sessionId, conversationId: left }) {
      return redeem(creatorId, { words, by: sessionId }, async (sql, linked) => {
        await joinIdentity(sql, { creatorId, channel: 'widget', externalId: sessionId, contactId: linked.contactId });
        await merge(sql, creatorId, left, linked);
        return left;
      });
    },
  };
}

function cacheKey(creatorId: CreatorId, key: string): string {
  return `link:creator_${creatorId}:${createHash('sha256').update(key).digest('base64url')}`;
}
