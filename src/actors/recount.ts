/** Progress counted again from the record under the rules that are live now, with an account of every point. */
import type { Database } from '../database.ts';
import type { ContactId, ConversationId, CreatorId } from '../ids.ts';
import { type Earned, noProgress, type Recorded, recount } from '../programs/progress.ts';
import type { Progress } from '../programs/scope.ts';
import { progressRecord } from '../store/progress.ts';
import type { RunEffect } from './effects.ts';
import type { Programs } from './live-programs.ts';
import { progressHash } from './progress.ts';

/** A contact's progress as it stands and as the record gives it. */
export interface Account {
  stands: Progress;
  counted: Progress;
  earned: readonly Earned[];
}

/** Counts a contact's progress. @throws AppError NOT_FOUND · UNAVAILABLE */
export async function accountOf(
  { db, programs }: { db: Database; programs: Programs },
  creatorId: CreatorId,
  who: { contactId: ContactId } | { conversationId: ConversationId },
): Promise<Account> {
  const live = await programs.live(creatorId);
  const rules = new Map(live.map(({ program }) => [program.definition.meta.id, program]));
  const { progress, recorded } = await progressRecord(db, creatorId, who);
  const stands: Progress = { ...noProgress, ...(progress as Partial<Progress>) };
  const again = recount(stands, recorded as readonly Recorded[], (slug) => rules.get(slug)?.definition.progress);
  const named = Object.fromEntries(
    Object.entries(stands.rules ?? {}).map(([slug, name]): [string, string] => [slug, rules.get(slug)?.rules ?? name]),
  );
  const counted = stands.rules ? { ...again.progress, rules: named } : again.progress;
  return { stands, counted, earned: again.earned };
}

/** The runner of `recount`: the result replaces what stood when it was counted, and nothing else. */
export function recountRunner(parts: { db: Database; programs: Programs }): RunEffect {
  return async ({ key }) => {
    const { stands, counted } = await accountOf(parts, key.creatorId, { conversationId: key.conversationId });
    return { outcome: 'done', result: { recount: { progress: counted, replaces: progressHash(stands) } } };
  };
}
