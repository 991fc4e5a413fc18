/** /api/v1/creators/conversations: what members see of conversations, and what they may do to them. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { ControlAct, ConversationKey, Input, Mailboxes } from '../../actors/input.ts';
import { retryInput } from '../../actors/retry.ts';
import type { Database } from '../../database.ts';
import { type ConversationId, type Ids, isUuid, type ProgramId } from '../../ids.ts';
import type { Media } from '../../media/media.ts';
import { getConversation, listConversations, listTurns, messagesAfter, messagesBefore } from '../../store/conversations.ts';
import { decodeCursor, encodeCursor, pageOf as pageOfRows } from '../../store/cursor.ts';
import { deliveriesOf } from '../../store/deliveries.ts';
import { takeUp } from '../../store/turns.ts';
import type { Member } from '../auth.ts';
import type { AppEnv, MemberEnv } from '../env.ts';
import { askedId } from '../idempotency.ts';
import { describe } from '../openapi.ts';
import { pageAnswer, pageOf, pageQuery, queryNumber } from '../pagination.ts';
import { body, pathId, query } from '../validate.ts';
import {
  ConversationAnswer,
  ConversationItem,
  conversationAnswer,
  listItem,
  MessageItem,
  messageItem,
  TurnItem,
  turnItem,
} from './conversation-answers.ts';

const tag = 'conversations';
const lastNumber = Number.MAX_SAFE_INTEGER;

const ListQuery = v.strictObject({
  ...pageQuery,
  state: v.optional(v.pipe(v.string(), v.maxLength(500))),
  program_id: v.optional(v.pipe(v.string(), v.check(isUuid, 'Expected a UUID'))),
  channel: v.optional(v.picklist(['widget', 'whatsapp', 'telegram', 'webhook'])),
  control: v.optional(v.picklist(['bot', 'human', 'paused'])),
  status: v.optional(v.picklist(['open', 'active', 'ended', 'set-aside'])),
  waiting: v.optional(
    v.pipe(
      v.picklist(['true', 'false']),
      v.transform((text) => text === 'true'),
    ),
  ),
});
const MessagesQuery = v.strictObject({
  limit: v.optional(queryNumber(1, 200), '50'),
  cursor: pageQuery.cursor,
  after: v.optional(queryNumber(0, lastNumber)),
  before: v.optional(queryNumber(1, lastNumber)),
});
const TurnsQuery = v.strictObject({
  limit: v.optional(queryNumber(1, 200), '50'),
  cursor: pageQuery.cursor,
  before: v.optional(queryNumber(1, lastNumber)),
});
const PlaceNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** A cursor says the same as `after` or `before`. */
const NumberPlace = v.strictTuple([v.picklist(['after', 'before']), PlaceNumber]);
/** The turn that the page before ended in, and how many of its inputs have been given: several may share a turn. */
const TurnPlace = v.strictTuple([v.pipe(PlaceNumber, v.maxValue(lastNumber - 1)), v.pipe(PlaceNumber, v.maxValue(1_000))]);

const Say = v.pipe(
  v.strictObject({
    text: v.pipe(v.string(), v.maxLength(4_096)),
    /** Ids of files given to this conversation before. */
    attachments: v.optional(v.pipe(v.array(v.pipe(v.string(), v.uuid())), v.maxLength(5))),
  }),
  v.forward(
    v.check(({ text, attachments }) => text.trim() !== '' || (attachments ?? []).length > 0, 'Write something'),
    ['text'],
  ),
);
const Event = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'Expected the name of an event')),
  data: v.optional(v.record(v.string(), v.unknown()), {}),
});
const Taken = v.object({ seq: v.nullable(v.number()) });

const acts: Readonly<Record<Exclude<ControlAct, 'say'>, string>> = {
  takeover: 'Take a conversation over from the program',
  release: 'Give a conversation back to its program',
  pause: 'Hold the program still',
  resume: 'Let a held program go on, or try a conversation again that was set aside',
  restart: 'Begin the program again',
  end: 'End the program here',
};

/** What these routes need. */
export interface ConversationsRoutesDeps {
  database: Database;
  mailboxes: Mailboxes;
  ids: Ids;
  member: Member;
  media: Pick<Media, 'ofConversation'>;
}

/** Mounted under /api/v1/creators/conversations. */
export function conversationsRoutes({ database, mailboxes, ids, member, media }: ConversationsRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const inputErrors = ['NOT_FOUND', 'OVERLOADED', 'UNAVAILABLE'] as const;

  routes.get(
    '/',
    describe({
      tag,
      summary: 'List conversations, latest first',
      description:
        '`waiting=true`: those that wait for a person, because a person has them in hand and has not had the last word. `status=set-aside`: ' +
        'those that cannot be read; once mended, `POST …/resume` takes them up. `control=paused`: also those that five failures have paused.',
      answers: { 200: pageOf(ConversationItem) },
    }),
    member('conversations.read'),
    query(ListQuery),
    async (c) => {
      const { program_id: programId, ...rest } = c.req.valid('query');
      const page = await listConversations(database, c.var.principal.creatorId, { ...rest, programId: programId as ProgramId | undefined });
      return c.json(pageAnswer(page, listItem));
    },
  );

  routes.get(
    '/:id',
    describe({ tag, summary: 'Read a conversation', answers: { 200: ConversationAnswer }, errors: ['NOT_FOUND'] }),
    member('conversations.read'),
    async (c) => c.json(conversationAnswer(await getConversation(database, keyOf(c)))),
  );

  routes.get(
    '/:id/messages',
    describe({
      tag,
      summary: 'Read messages, oldest first',
      description:
        'The newest, those `after` a number, or those `before` one. `next_cursor` goes on in the same direction, from the newest backwards.',
      answers: { 200: pageOf(MessageItem) },
      errors: ['NOT_FOUND'],
    }),
    member('conversations.read'),
    query(MessagesQuery),
    async (c) => {
      const key = keyOf(c);
      const { messages, next } = await messagesOf(database, key, c.req.valid('query'));
      const deliveries = await deliveriesOf(
        database,
        key,
        messages.map(({ seq }) => seq),
      );
      const items = messages.map((message) => messageItem(message, deliveries));
      return c.json({ items, next_cursor: next });
    },
  );

  routes.get(
    '/:id/turns',
    describe({
      tag,
      summary: 'Why it is where it is: inputs and what they did, newest first',
      answers: { 200: pageOf(TurnItem) },
      errors: ['NOT_FOUND'],
    }),
    member('conversations.read'),
    query(TurnsQuery),
    async (c) => {
      const key = keyOf(c);
      const { limit, cursor, before } = c.req.valid('query');
      const [within, given] = decodeCursor(TurnPlace, cursor) ?? [(before ?? lastNumber) - 1, 0];
      await getConversation(database, key);
      const turns = await listTurns(database, key, within + 1, limit + 1, given);
      const givenOf = (last: number) => turns.slice(0, limit).filter(({ turn }) => turn === last).length + (last === within ? given : 0);
      return c.json(
        pageAnswer(
          pageOfRows(
            turns,
            limit,
            (row) => row,
            ({ turn }) => [turn, givenOf(turn)],
          ),
          turnItem,
        ),
      );
    },
  );

  routes.post(
    '/:id/messages',
    describe({
      tag,
      summary: 'Write to the contact as a person',
      description:
        'Files are given to the conversation by `POST /creators/media` first; a channel that cannot show one sends a link to it, good for an hour.',
      answers: { 201: Taken },
      errors: inputErrors,
    }),
    member('conversations.act'),
    body(Say),
    async (c) => {
      const key = keyOf(c);
      const { text, attachments: wanted = [] } = c.req.valid('json');
      const attachments = wanted.length === 0 ? [] : await media.ofConversation(key.creatorId, key.conversationId, wanted);
      const input: Input = { id: inputId(c), kind: 'control', act: 'say', text, attachments, messageId: ids.uuid() };
      return c.json(await mailboxes.deliver(key, input), 201);
    },
  );

  routes.post(
    '/:id/events',
    describe({ tag, summary: 'Tell the program that something happened', answers: { 201: Taken }, errors: inputErrors }),
    member('conversations.act'),
    body(Event, 64 * 1024),
    async (c) => c.json(await mailboxes.deliver(keyOf(c), { id: inputId(c), kind: 'event', ...c.req.valid('json') }), 201),
  );

  routes.post(
    '/:id/inputs/:input/retry',
    describe({
      tag,
      summary: 'Give the program an input from quarantine once more',
      description:
        'Inputs in quarantine are those of `GET …/turns` whose `trace` has an `error`. One that the program has taken on a later try is not there any more: 404.',
      answers: { 200: Taken },
      errors: inputErrors,
    }),
    member('conversations.act'),
    async (c) => {
      return c.json(await retryInput({ db: database, mailboxes }, keyOf(c), c.req.param('input'), askedId(c)));
    },
  );

  for (const [act, summary] of Object.entries(acts) as [ControlAct, string][]) {
    routes.post(
      `/:id/${act}`,
      describe({ tag, summary, answers: { 200: ConversationAnswer }, errors: inputErrors }),
      member('conversations.act'),
      async (c) => {
        const key = keyOf(c);
        if (act === 'resume') await takeUp(database, key);
        await mailboxes.deliver(key, { id: inputId(c), kind: 'control', act });
        return c.json(conversationAnswer(await getConversation(database, key)));
      },
    );
  }

  return routes;
}

/** A page of messages, oldest first, and the cursor to the next one in the same direction. */
async function messagesOf(db: Database, key: ConversationKey, { limit, cursor, after, before }: v.InferOutput<typeof MessagesQuery>) {
  const asked = after === undefined ? (['before', before ?? lastNumber] as const) : (['after', after] as const);
  const [way, from] = decodeCursor(NumberPlace, cursor) ?? asked;
  await getConversation(db, key);
  const backwards = way === 'before';
  const read = backwards ? messagesBefore : messagesAfter;
  const found = await read(db, key, from, limit + 1);
  const messages = backwards ? found.slice(-limit) : found.slice(0, limit);
  const edge = messages.at(backwards ? 0 : -1);
  return { messages, next: found.length > limit && edge ? encodeCursor([way, edge.seq]) : null };
}

function keyOf(c: Context<MemberEnv>): ConversationKey {
  return { creatorId: c.var.principal.creatorId, conversationId: pathId<ConversationId>(c) };
}

/** The same request gives the same input, and so the first result. */
function inputId(c: Context<MemberEnv>): string {
  return `api:${askedId(c)}`;
}
