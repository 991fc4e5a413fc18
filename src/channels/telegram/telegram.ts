/** Telegram as a channel: a thin client of the Bot API, one secret per bot, and its errors as decisions. */
import * as v from 'valibot';
import { AppError } from '../../errors.ts';
import { accountEntries } from '../account-entries.ts';
import type { Channel, ChannelEvent, OpenConnection, Recipient, Refusal, SendOutcome } from '../channel.ts';
import { downloadFile, type Fetch, type ProviderAnswer, postForm, postJson } from '../provider-call.ts';
import { sameText } from '../signature.ts';
import { readUpdate } from './inbound.ts';
import { renderTelegram } from './render.ts';

/** What a creator gives: the token BotFather gave. */
const Account = v.strictObject({
  channel: v.literal('telegram'),
  ...accountEntries,
  token: v.pipe(v.string(), v.regex(/^\d{1,20}:[A-Za-z0-9_-]{20,128}$/, 'Expected a token such as "123456:ABC…"')),
});

const Ok = v.object({ ok: v.literal(true), result: v.unknown() });
const Failed = v.object({
  error_code: v.optional(v.number(), 0),
  description: v.optional(v.string(), ''),
  parameters: v.optional(v.object({ retry_after: v.optional(v.number()) })),
});
const Me = v.object({ id: v.number(), username: v.optional(v.string(), '') });
const FileInfo = v.object({
  file_path: v.pipe(v.string(), v.regex(/^[\w-]+(\/[\w.-]+)*$/), v.excludes('..')),
  file_size: v.optional(v.number()),
});
const Sent = v.object({ message_id: v.number() });

/** The kinds of update asked for; the rest never comes. */
const allowedUpdates = ['message', 'edited_message', 'callback_query', 'my_chat_member'];
const mostConnections = 40;

/** @param options.url base address without a trailing slash · `newToken` unguessable text of `[A-Za-z0-9_-]` */
export function createTelegram({ url, fetch, newToken }: { url: string; fetch: Fetch; newToken(): string }): Channel {
  /** The token stands in the address: it goes nowhere but here. */
  function call(token: string, method: string, params: object, signal: AbortSignal): Promise<ProviderAnswer> {
    return postJson(fetch, `${url}/bot${token}/${method}`, params, {}, signal);
  }

  const tokenOf = ({ secrets }: OpenConnection) => secrets.token ?? '';

  async function showTyping({ externalId }: Pick<Recipient, 'externalId'>, connection: OpenConnection, signal: AbortSignal): Promise<void> {
    const answer = await call(tokenOf(connection), 'sendChatAction', { chat_id: externalId, action: 'typing' }, signal);
    if (answer.got !== 'answer' || answer.status >= 300) throw new AppError('UNAVAILABLE', 'Cannot show typing: Telegram does not take it');
  }

  async function answerPress(
    event: Extract<ChannelEvent, { kind: 'button' }>,
    connection: OpenConnection,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, from, under } = event;
    await call(tokenOf(connection), 'answerCallbackQuery', { callback_query_id: id.slice('callback:'.length) }, signal);
    if (under === undefined) return;
    const keyboard = { chat_id: from.externalId, message_id: under, reply_markup: { inline_keyboard: [] } };
    await call(tokenOf(connection), 'editMessageReplyMarkup', keyboard, signal);
  }

  return {
    name: 'telegram',
    account: Account,
    capabilities: {
      windowMs: null,
      perSecond: 30,
      perPerson: { burst: 3, everyMs: 1_000 },
      typingEveryMs: 4_000,
      reconciles: false,
    },

    async connect(given, webhookUrl, signal) {
      const { token } = given as v.InferOutput<typeof Account>;
      const me = v.parse(Me, accepted(await call(token, 'getMe', {}, signal)));
      const secret = newToken();
      const webhook = { url: webhookUrl, secret_token: secret, allowed_updates: allowedUpdates, max_connections: mostConnections };
      accepted(await call(token, 'setWebhook', webhook, signal));
      return { account: String(me.id), settings: { username: me.username }, secrets: { token, webhook_secret: secret } };
    },

    async disconnect(connection, signal) {
      await call(tokenOf(connection), 'deleteWebhook', {}, signal);
    },

    async verify(request, { secrets }) {
      const given = request.header('X-Telegram-Bot-Api-Secret-Token');
      const expected = secrets.webhook_secret ?? '';
      return given !== undefined && expected !== '' && sameText(given, expected);
    },

    receive: (value, { account }, now) => readUpdate(value, account, now),
    render: renderTelegram,

    async send(shown, to, connection, { signal, file }) {
      const { method, field, ...params } = shown;
      const fields = { chat_id: to.externalId, ...params };
      if (file === undefined) return outcomeOf(await call(tokenOf(connection), String(method), fields, signal));
      const form = { fields, file: { ...file, field: String(field) } };
      return outcomeOf(await postForm(fetch, `${url}/bot${tokenOf(connection)}/${String(method)}`, form, {}, signal));
    },

    async fetchMedia({ id }, connection, maxBytes, signal) {
      const answer = await call(tokenOf(connection), 'getFile', { file_id: id }, signal);
      const ok = v.safeParse(Ok, answer.got === 'answer' ? answer.body : null);
      const file = v.safeParse(FileInfo, ok.success ? ok.output.result : null);
      if (!file.success || (file.output.file_size ?? 0) > maxBytes) return null;
      const address = `${url}/file/bot${tokenOf(connection)}/${file.output.file_path}`;
      return downloadFile(fetch, address, { headers: {}, maxBytes, signal });
    },

    showTyping,

    async notice(event, connection, signal) {
      // Typing is shown while an answer is written; a turn has its words before Telegram could show it.
      if (event.kind === 'button') await answerPress(event, connection, signal);
    },
  };
}

function outcomeOf(answer: ProviderAnswer): SendOutcome {
  if (answer.got === 'down') return { outcome: 'refused', refusal: { code: 'down', does: 'retry' } };
  if (answer.got === 'unknown') return { outcome: 'unknown', reason: answer.reason };
  const ok = v.safeParse(Ok, answer.body);
  const sent = ok.success ? v.safeParse(Sent, ok.output.result) : null;
  if (sent?.success) return { outcome: 'sent', providerId: String(sent.output.message_id) };
  if (answer.status < 300) return { outcome: 'unknown', reason: 'no message id' };
  const failed = v.safeParse(Failed, answer.body);
  return { outcome: 'refused', refusal: refusalOf(answer.status, failed.success ? failed.output : { description: '' }) };
}

/** Texts by which the Bot API tells cases of one status apart; it has no finer codes. */
const descriptions: readonly [pattern: RegExp, refusal: Refusal][] = [
  [/blocked by the user/i, { code: 'blocked', does: 'unreachable' }],
  [/user is deactivated/i, { code: 'deactivated', does: 'unreachable' }],
  [/chat not found/i, { code: 'chat not found', does: 'unreachable' }],
  [/can't (send messages|initiate conversation)/i, { code: 'cannot send', does: 'strike' }],
  [
    /wrong (file|type)|failed to get http url content|wrong remote file|PHOTO_INVALID|IMAGE_PROCESS|file is too big/i,
    { code: 'media', does: 'plain' },
  ],
  [/VOICE_MESSAGES_FORBIDDEN/i, { code: 'voice', does: 'plain' }],
];

function refusalOf(
  status: number,
  { description, parameters }: { description: string; parameters?: { retry_after?: number | undefined } | undefined },
): Refusal {
  if (status === 429) return { code: '429', does: 'park', afterMs: Math.max(1, parameters?.retry_after ?? 1) * 1_000 };
  if (status >= 500) return { code: String(status), does: 'retry' };
  // A revoked token answers 401; an unknown one 404.
  if (status === 401 || status === 404) return { code: String(status), does: 'disable' };
  return descriptions.find(([pattern]) => pattern.test(description))?.[1] ?? { code: String(status), does: 'fail' };
}

/** The result. @throws AppError INVALID_INPUT refused · UNAVAILABLE no answer */
function accepted(answer: ProviderAnswer): unknown {
  if (answer.got !== 'answer' || answer.status >= 500) throw new AppError('UNAVAILABLE', 'Connect again later: Telegram does not answer');
  const ok = v.safeParse(Ok, answer.body);
  if (!ok.success) throw new AppError('INVALID_INPUT', 'Cannot connect: Telegram refuses this token or our address');
  return ok.output.result;
}
