/** The port to news between nodes: who commits publishes, who holds the socket hears. Kept by `memory.ts` and `redis.ts`. */
import * as v from 'valibot';

/** At most once and in order per publisher; a subscriber that missed something reads the record. Topics are `kind:creator_{creator_id}:id`. */
export interface FanOut {
  /**
   * Never rejects: what cannot be published is counted and dropped.
   *
   * @param news what JSON can hold; within a process it is handed over as it is, so nobody may change it from now on
   */
  publish(topic: string, news: unknown): void;
  /**
   * Resolves when the subscription is in force; the result ends it.
   *
   * @param missed hears that news may have been lost, once the subscription is in force again: read the record
   */
  subscribe(topic: string, hear: (news: unknown) => void, missed?: () => void): Promise<() => void>;
  close(): Promise<void>;
}

/** The topic on which a conversation's messages, typing and deltas are published, as ConversationNews. */
export function conversationTopic(creatorId: string, conversationId: string): string {
  return `conversation:creator_${creatorId}:${conversationId}`;
}

/** The topic on which InboxNews and DocumentNews of a creator are published. */
export function inboxTopic(creatorId: string): string {
  return `inbox:creator_${creatorId}:turns`;
}

/** The topic on which every node hears, as SessionNews, whose access has ended or changed: sockets of theirs must close, and nothing of them stays in memory. */
export const sessionsTopic = 'sessions:installation:ended';

/** Whose sockets must close: those of the named sign-ins and conversations, or all of the creator. */
export interface SessionNews {
  creator_id: string;
  sids?: readonly string[];
  conversation_ids?: readonly string[];
  all?: true;
}

const names = v.optional(v.array(v.string()), []);
const News = v.object({ creator_id: v.string(), sids: names, conversation_ids: names, all: v.optional(v.boolean(), false) });

/** What was heard on `sessionsTopic`; null for what cannot be read, which is as if lost: the record decides at the next question. */
export function readSessionNews(heard: unknown): v.InferOutput<typeof News> | null {
  const news = v.safeParse(News, heard);
  return news.success ? news.output : null;
}

/** The topic on which every node hears, as `{creator_id, version}`, that a creator has changed the widget's configuration. */
export const widgetsTopic = 'widgets:installation:changed';

/** The topic on which nodes tell each other when something falls due soon, and which effects have been called off. */
export const wakeUpsTopic = 'wake-ups:installation:due';

/** The topic that tells nodes to forget a creator's cached programs. */
export function programsTopic(creatorId: string): string {
  return `programs:creator_${creatorId}:live`;
}
