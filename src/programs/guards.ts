/** Every named test of the vocabulary, but the trees `all`, `any` and `not`. */
import * as v from 'valibot';
import { bucketOf, weightsSchema } from './buckets.ts';
import { expressionSchema, idSchema } from './names.ts';
import { isQuiet } from './schedule.ts';
import type { GuardEntry } from './vocabulary-entry.ts';

const none = () => [];
const guard = <Params>(entry: GuardEntry<Params>) => entry;

const hour = 3_600_000;
/** Channels that take free text only for a while after the contact wrote. */
const windows: Readonly<Record<string, number>> = { whatsapp: 24 * hour };

/** Every named test but the trees. */
export const guards = {
  when: guard({
    does: 'An expression that gives true or false.',
    params: v.strictObject({ expr: expressionSchema }),
    uses: ({ expr }) => [{ kind: 'expression', source: expr, gives: 'bool', at: '/expr' }],
    test: ({ expr }, { evaluate }) => evaluate(expr) === true,
  }),
  inWindow: guard({
    does: 'The channel takes free text now (WhatsApp: 24 hours after the last message of the contact; others: always).',
    params: v.strictObject({}),
    uses: none,
    test: (_params, { scope: { conversation, now } }) => {
      const windowMs = Object.hasOwn(windows, conversation.channel) ? windows[conversation.channel] : undefined;
      return windowMs === undefined || (conversation.lastInboundAt !== null && now - conversation.lastInboundAt < windowMs);
    },
  }),
  hasConsent: guard({
    does: 'The contact gave this consent.',
    params: v.strictObject({ kind: idSchema }),
    uses: none,
    test: ({ kind }, { scope }) => Object.hasOwn(scope.contact.consent, kind) && scope.contact.consent[kind] === true,
  }),
  inQuietHours: guard({
    does: 'It is within the quiet hours of the policies, in the zone of the contact.',
    params: v.strictObject({}),
    uses: none,
    test: (_params, { scope, zone, definition }) => {
      const quiet = definition.policies?.quiet;
      return quiet !== undefined && isQuiet(scope.now, zone, quiet);
    },
  }),
  channelIs: guard({
    does: 'The conversation runs on this channel.',
    params: v.strictObject({ channel: idSchema }),
    uses: none,
    test: ({ channel }, { scope }) => scope.conversation.channel === channel,
  }),
  hasTag: guard({
    does: 'The contact has this tag.',
    params: v.strictObject({ tag: idSchema }),
    uses: none,
    test: ({ tag }, { scope }) => scope.contact.tags.includes(tag),
  }),
  bucket: guard({
    does: 'The contact fell into this bucket of a trial: drawn once by the weights, kept for good.',
    params: v.pipe(
      v.strictObject({ salt: idSchema, weights: weightsSchema, is: idSchema }),
      v.check(({ weights, is }) => Object.hasOwn(weights, is), 'Name one of the weights as "is"'),
    ),
    uses: none,
    test: ({ salt, weights, is }, { scope }) => bucketOf(scope.contact, { salt, weights }) === is,
  }),
  triesAtLeast: guard({
    does: 'The question was misunderstood at least n times.',
    params: v.strictObject({ n: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)) }),
    uses: none,
    test: ({ n }, { scope }) => scope.conversation.tries >= n,
  }),
} as const;
