/** The progress of a contact as turns write it: facts on record, rules by name, and a recount when the rules have changed. */
import { contentHash } from '../programs/hash.ts';
import type { Program } from '../programs/program.ts';
import type { Fact } from '../programs/progress.ts';
import { localDate } from '../programs/schedule.ts';
import type { Contact, Json, Progress } from '../programs/scope.ts';
import { type Draft, scopeOf } from './draft.ts';
import { planEffect } from './invoking.ts';

/** Puts a fact on the record of this turn. What a version that is not live has given for it is counted again. */
export function record(draft: Draft, program: Program, fact: Fact): void {
  const slug = program.definition.meta.id;
  if (program.rules !== rulesInForce(draft, program)) planRecount(draft);
  const last = draft.recorded.at(-1);
  if (last?.program === slug) {
    last.facts.push(fact);
    return;
  }
  const { now } = draft.surroundings;
  draft.recorded.push({ program: slug, at: now, day: localDate(now, program.zoneOf(scopeOf(draft))), facts: [fact] });
}

/** The rules of the version that is live: they count for every run, whatever version it follows. Its own where none is live. */
function rulesInForce({ surroundings }: Draft, { rules, definition }: Program): string {
  return surroundings.live.find(({ program }) => program.definition.meta.id === definition.meta.id)?.program.rules ?? rules;
}

function planRecount(draft: Draft): void {
  if (draft.effects.every(({ type }) => type !== 'recount')) planEffect(draft, { type: 'recount', lane: 'recount', params: {} });
}

/** The contact under the rules of progress in force; where they were others before, a recount is planned. */
export function underRules(draft: Draft, program: Program, contact: Contact): Contact {
  const slug = program.definition.meta.id;
  const { rules = {} } = contact.progress;
  const before = Object.hasOwn(rules, slug) ? rules[slug] : undefined;
  const inForce = rulesInForce(draft, program);
  if (before === inForce || (before === undefined && program.definition.progress === undefined)) return contact;
  if (before !== undefined) planRecount(draft);
  return { ...contact, progress: { ...contact.progress, rules: { ...rules, [slug]: inForce } } };
}

/** The name of a contact's progress as it stands. */
export function progressHash(progress: Progress): string {
  return contentHash(progress as unknown as Json);
}

/** Keeps progress that was counted again, unless more was earned while it was counted: then it is counted once more. */
export function keepRecount(draft: Draft, { progress, replaces }: { progress: Progress; replaces: string }): boolean {
  if (progressHash(draft.contact.progress) !== replaces) {
    planRecount(draft);
    return false;
  }
  draft.contact = { ...draft.contact, progress };
  return true;
}
