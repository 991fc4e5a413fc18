/** Trials of one thing against another: which bucket a contact falls into, drawn once from who they are and kept with them. */
import * as v from 'valibot';
import { chanceOf } from './chance.ts';
import type { Definition } from './definition.ts';
import { idSchema } from './names.ts';
import type { Contact } from './scope.ts';
import type { Guard } from './vocabulary.ts';
import { guardsOf, placesOf } from './walk.ts';

/** Buckets and their weights, which need not add up to anything. */
export const weightsSchema = v.pipe(
  v.record(idSchema, v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000))),
  v.minEntries(2, 'Name at least two buckets'),
  v.maxEntries(20),
  v.check((weights) => Object.values(weights).some((weight) => weight > 0), 'Give at least one bucket a weight above 0'),
);

/** A trial; those of one salt are the same trial. */
export interface Trial {
  salt: string;
  weights: Readonly<Record<string, number>>;
}

/** The bucket kept for the contact, else the one that falls to them. */
export function bucketOf({ id, progress }: Contact, { salt, weights }: Trial): string {
  const kept = progress.buckets !== undefined && Object.hasOwn(progress.buckets, salt) ? progress.buckets[salt] : undefined;
  return kept ?? draw(weights, chanceOf(salt, id));
}

/** The bucket in which a chance falls, the buckets laid side by side as long as their weights. */
function draw(weights: Trial['weights'], chance: number): string {
  const buckets = Object.entries(weights).filter(([, weight]) => weight > 0);
  let left = chance * buckets.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of buckets) {
    left -= weight;
    if (left < 0) return name;
  }
  return buckets.at(-1)?.[0] ?? '';
}

/** The contact with a bucket kept for each of the trials; the same contact where none is missing. */
export function withBuckets(contact: Contact, trials: readonly Trial[]): Contact {
  const { buckets = {} } = contact.progress;
  const missing = trials.filter(({ salt }) => !Object.hasOwn(buckets, salt));
  if (missing.length === 0) return contact;
  const drawn = missing.map((trial): [string, string] => [trial.salt, bucketOf(contact, trial)]);
  return { ...contact, progress: { ...contact.progress, buckets: { ...buckets, ...Object.fromEntries(drawn) } } };
}

/** The salt of the trial that a content's variants make. */
export const contentSalt = (content: string): string => `content.${content}`;

/** Every trial of a definition: its `bucket` guards and the variants of its content. */
export function trialsOf(definition: Definition): readonly Trial[] {
  const trials = new Map<string, Trial>();
  const add = (trial: Trial) => trials.has(trial.salt) || trials.set(trial.salt, trial);
  const visit = (guard: Guard): void => {
    if (guard.type === 'bucket' && guard.params) add(guard.params);
    if (guard.type === 'not') visit(guard.params.guard);
    if (guard.type === 'all' || guard.type === 'any') guard.params.guards.forEach(visit);
  };
  for (const place of placesOf(definition.machine)) for (const { guard } of guardsOf(place)) visit(guard);
  for (const [name, languages] of Object.entries(definition.content)) {
    const weights = Object.fromEntries(
      Object.values(languages).flatMap(({ variants = [] }) => variants.map(({ id, weight }) => [id, weight ?? 1])),
    );
    if (Object.keys(weights).length > 0) add({ salt: contentSalt(name), weights });
  }
  return [...trials.values()];
}
