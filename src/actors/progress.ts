/** The progress of a contact as turns write it: facts on record, rules by name, and a recount when the rules have changed. */
import { contentHash } from '../programs/hash.ts';
import type { Program } from '../programs/program.ts';
import type { Fact } from '../programs/progress.ts';
import { localDate } from '../programs/schedule.ts';
import type { Contact, Json, Progress } from '../programs/scope.ts';
import { type Draft, scopeOf } from './draft.ts';
import { planEffect } from './invoking.ts';

/** Puts a fact on the record of this turn. */
export function record(draft: Draft, program: Program, fact: Fact): void {
  const slug = program.definition.meta.id;
  const last = draft.recorded.at(-1);
  if (last?.program === slug) {
    last.facts.push(fact);
    return;
  }
  const { now } = draft.surroundings;
  draft.recorded.push({ program: slug, at: now, day: localDate(now, program.zoneOf(scopeOf(draft))), facts: [fact] });
}

/** The contact under the program's rules of progress; where they were others before, a recount is planned. */
export function underRules(draft: Draft, program: Program, contact: Contact): Contact {
  const slug = program.definition.meta.id;
  const { rules = {} } = contact.progress;
  const before = Object.hasOwn(rules, slug) ? rules[slug] : undefined;
  if (before === program.rules || (before === undefined && program.definition.progress === undefined)) return contact;
  if (before !== undefined) planEffect(draft, { type: 'recount', lane: 'recount', params: {} });
  return { ...contact, progress: { ...contact.progress, rules: { ...rules, [slug]: program.rules } } };
}

/** The name of a contact's progress as it stands. */
export function progressHash(progress: Progress): string {
  return contentHash(progress as unknown as Json);
}

/** Keeps progress that was counted again, unless more was earned while it was counted: then it is counted once more. */
export function keepRecount(draft: Draft, { progress, replaces }: { progress: Progress; replaces: string }): boolean {
  if (progressHash(draft.contact.progress) !== replaces) {
    planEffect(draft, { type: 'recount', lane: 'recount', params: {} });
    return false;
  }
  draft.contact = { ...draft.contact, progress };
  return true;
}
