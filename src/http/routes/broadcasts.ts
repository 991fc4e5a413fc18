/** /api/v1/creators/broadcasts: one message or event for a group of contacts, through the same governor as everything proactive. */
import { Hono } from 'hono';
import * as v from 'valibot';
import { recipientsOf } from '../../actors/broadcasts.ts';
import type { Programs } from '../../actors/live-programs.ts';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import { templateSchema } from '../../programs/content.ts';
import { languageSchema } from '../../programs/names.ts';
import {
  addBroadcast,
  type BroadcastProgress,
  cancelBroadcast,
  type Group,
  type Recipient,
  readBroadcast,
} from '../../store/broadcasts.ts';
import type { Member } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { askedId } from '../idempotency.ts';
import { describe } from '../openapi.ts';
import { body, pathId, query } from '../validate.ts';

const tag = 'broadcasts';

const Wording = v.strictObject({
  text: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(4096)),
  template: v.optional(templateSchema),
});
const group = {
  filter: v.optional(v.pipe(v.string(), v.maxLength(2000)), ''),
  at: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?$/,
        'Expected 2026-11-24T09:00 in the zone of each contact, or an instant with an offset',
      ),
      v.check((at) => !Number.isNaN(Date.parse(at)), 'Expected a time that exists'),
    ),
  ),
  dry_run: v.optional(v.boolean(), false),
};
const NewBroadcast = v.union([
  v.strictObject({
    ...group,
    content: v.pipe(v.record(languageSchema, Wording), v.minEntries(1, 'Expected words in at least one language'), v.maxEntries(50)),
    class: v.optional(v.picklist(['promo', 'nudge', 'transactional']), 'promo'),
  }),
  v.strictObject({
    ...group,
    event: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'Expected the name of an event')),
    data: v.optional(
      v.pipe(v.record(v.pipe(v.string(), v.maxLength(64)), v.union([v.string(), v.number(), v.boolean()])), v.maxEntries(50)),
      {},
    ),
  }),
]);

const Time = v.pipe(v.string(), v.isoTimestamp());
const Planned = v.object({ contact_id: v.string(), conversation_id: v.string(), at: Time });
const Preview = v.object({ recipients: v.number(), from: v.nullable(Time), to: v.nullable(Time), first: v.array(Planned) });
const PreviewAnswer = v.object({ broadcast: v.nullable(v.object({ id: v.string() })), preview: Preview });
const BroadcastAnswer = v.object({
  broadcast: v.object({
    id: v.string(),
    filter: v.string(),
    at: v.string(),
    cancelled: v.boolean(),
    created_at: Time,
    progress: v.object({ planned: v.number(), taken: v.number(), failed: v.number(), cancelled: v.number() }),
    decisions: v.array(v.object({ do: v.string(), reason: v.string(), count: v.number() })),
    next: v.array(Planned),
  }),
});

/** Mounted under /api/v1/creators/broadcasts. */
export function broadcastsRoutes(deps: {
  database: Database;
  programs: Programs;
  clock: Clock;
  member: Member;
  /** Told of new recipients, the first due in so many milliseconds of wall time. */
  wake(ms: number): void;
}): Hono<AppEnv> {
  const { database: db, programs, clock, member, wake } = deps;
  const routes = new Hono<AppEnv>();

  routes.post(
    '/',
    describe({
      tag,
      summary: 'Send a message or an event to a group of contacts',
      description:
        '`filter` is an expression over `contact`, such as `"trial" in contact.tags`; without one everybody is meant. ' +
        '`dryRun=true`, or `dry_run` beside the message, only answers who would get it and when.',
      answers: { 200: PreviewAnswer, 202: PreviewAnswer },
    }),
    member('conversations.act'),
    query(v.strictObject({ dryRun: v.optional(v.picklist(['true', 'false'])) })),
    body(NewBroadcast, 64 * 1024),
    async (c) => {
      const { creatorId } = c.var.principal;
      const { filter, at, dry_run: isDry, ...given } = c.req.valid('json');
      const recipients = await recipientsOf({ db, programs, clock }, creatorId, filter, at ?? null);
      if (isDry || c.req.valid('query').dryRun === 'true') return c.json({ broadcast: null, preview: previewOf(groupOf(recipients)) }, 200);
      const id = askedId(c);
      const message = 'event' in given ? given : { content: { wordings: given.content, class: given.class } };
      const group = await addBroadcast(db, creatorId, { id, filter, message, at: at ?? 'now' }, recipients, clock.now());
      if (group.from) wake(clock.wallUntil(group.from.getTime()));
      return c.json({ broadcast: { id }, preview: previewOf(group) }, 202);
    },
  );

  routes.get(
    '/:id',
    describe({ tag, summary: 'Read how far a broadcast is', answers: { 200: BroadcastAnswer }, errors: ['NOT_FOUND'] }),
    member('conversations.read'),
    async (c) => c.json({ broadcast: broadcastItem(await readBroadcast(db, c.var.principal.creatorId, pathId(c))) }),
  );

  routes.delete(
    '/:id',
    describe({ tag, summary: 'Cancel what has not gone out', answers: { 204: null }, errors: ['NOT_FOUND'] }),
    member('conversations.act'),
    async (c) => {
      await cancelBroadcast(db, c.var.principal.creatorId, pathId(c));
      return c.body(null, 204);
    },
  );

  return routes;
}

/** Those who would be reached, the earliest first. */
function groupOf(recipients: readonly Recipient[]): Group {
  const [from, to] = [recipients[0]?.dueAt ?? null, recipients.at(-1)?.dueAt ?? null];
  return { recipients: recipients.length, from, to, first: recipients.slice(0, 20) };
}

function previewOf({ recipients, from, to, first }: Group): v.InferOutput<typeof Preview> {
  return { recipients, from: from?.toISOString() ?? null, to: to?.toISOString() ?? null, first: first.map(plannedItem) };
}

function plannedItem({ contactId, conversationId, dueAt }: Recipient): v.InferOutput<typeof Planned> {
  return { contact_id: contactId, conversation_id: conversationId, at: dueAt.toISOString() };
}

function broadcastItem({ broadcast, counts, decisions, next }: BroadcastProgress): v.InferOutput<typeof BroadcastAnswer>['broadcast'] {
  const { planned = 0, taken = 0, failed = 0, cancelled = 0 } = counts;
  return {
    id: broadcast.id,
    filter: broadcast.filter,
    at: broadcast.at,
    cancelled: broadcast.cancelled,
    created_at: broadcast.createdAt.toISOString(),
    progress: { planned, taken, failed, cancelled },
    decisions: decisions.map(({ does, ...rest }) => ({ do: does, ...rest })),
    next: next.map(plannedItem),
  };
}
