/** WhatsApp Cloud API as a channel: our own thin client, signatures over raw bytes, and the provider's error codes as decisions. */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { AppError } from '../../errors.ts';
import { AccountSecret, accountEntries } from '../account-entries.ts';
import type { Channel, ChannelEvent, OpenConnection, OutgoingFile, Recipient, Refusal, SendOutcome, Shown } from '../channel.ts';
import { callProvider, downloadFile, type Fetch, type ProviderAnswer, postForm, postJson } from '../provider-call.ts';
import { isSigned, sameText } from '../signature.ts';
import { refusalOf } from './errors.ts';
import { readWebhook } from './inbound.ts';
import { renderWhatsApp } from './render.ts';

/**
 * What a creator gives: the number's id, a permanent token, the app's secret, and the word Meta repeats when it verifies the webhook.
 * `outside_window` is the rule for what may not be sent 24 hours after the person's last message: held until they write, or a dead letter.
 */
const Account = v.strictObject({
  channel: v.literal('whatsapp'),
  ...accountEntries,
  outside_window: v.optional(v.picklist(['hold', 'fail']), 'hold'),
  phone_number_id: v.pipe(v.string(), v.regex(/^\d{1,32}$/, 'Expected digits')),
  access_token: AccountSecret,
  app_secret: AccountSecret,
  verify_token: v.optional(v.pipe(AccountSecret, v.minLength(8))),
  version: v.optional(v.pipe(v.string(), v.regex(/^v\d{1,3}\.\d$/, 'Expected a version such as "v26.0"'))),
});

const Medium = v.object({ url: v.string(), sha256: v.optional(v.string()), file_size: v.optional(v.number()) });
const Sent = v.object({ messages: v.pipe(v.array(v.object({ id: v.string() })), v.minLength(1)) });
const Uploaded = v.object({ id: v.string() });
const Failed = v.object({ error: v.object({ code: v.number() }) });
const PhoneNumber = v.object({ id: v.string(), display_phone_number: v.optional(v.string(), '') });

/** @param options.url base address without a trailing slash · `version` of the Graph API where a connection names none · `newToken` unguessable text */
export function createWhatsApp(options: { url: string; version: string; fetch: Fetch; newToken(): string }): Channel {
  const { fetch } = options;

  function address(connection: Pick<OpenConnection, 'settings'>, path: string): string {
    return `${options.url}/${connection.settings.version ?? options.version}/${path}`;
  }

  function post(connection: OpenConnection, value: object, signal: AbortSignal): Promise<ProviderAnswer> {
    const headers = { Authorization: `Bearer ${connection.secrets.access_token}` };
    return postJson(
      fetch,
      address(connection, `${connection.account}/messages`),
      { messaging_product: 'whatsapp', ...value },
      headers,
      signal,
    );
  }

  /** Gives Meta a file and gets its id. Nothing has reached the person yet, so that any doubt is a reason to try again. */
  async function upload(
    connection: OpenConnection,
    file: OutgoingFile,
    signal: AbortSignal,
  ): Promise<{ id: string } | { refused: Refusal }> {
    const headers = { Authorization: `Bearer ${connection.secrets.access_token}` };
    const form = { fields: { messaging_product: 'whatsapp', type: file.type }, file: { ...file, field: 'file' } };
    const answer = await postForm(fetch, address(connection, `${connection.account}/media`), form, headers, signal);
    if (answer.got !== 'answer') return { refused: { code: 'upload', does: 'retry' } };
    const taken = v.safeParse(Uploaded, answer.body);
    if (answer.status < 300 && taken.success) return taken.output;
    const refusal = refusalIn(answer);
    return { refused: refusal.does === 'fail' ? { ...refusal, does: 'plain' } : refusal };
  }

  return {
    name: 'whatsapp',
    account: Account,
    capabilities: {
      windowMs: 86_400_000,
      perSecond: 80,
      perPerson: { burst: 10, everyMs: 6_000 },
      // Shown with the read mark, for 25 seconds.
      typingEveryMs: null,
      reconciles: true,
    },

    async connect(given, _webhookUrl, signal) {
      const {
        phone_number_id: account,
        access_token,
        app_secret,
        verify_token,
        version,
        outside_window,
      } = given as v.InferOutput<typeof Account>;
      const settings = { outside_window, ...(version === undefined ? {} : { version }) };
      const url = address({ settings }, `${account}?fields=display_phone_number`);
      const answer = await callProvider(fetch, url, { headers: { Authorization: `Bearer ${access_token}` } }, signal);
      const number = v.parse(PhoneNumber, accepted(answer));
      const token = verify_token ?? options.newToken();
      return {
        account,
        settings: { ...settings, display_phone_number: number.display_phone_number.slice(0, 40) },
        secrets: { access_token, app_secret, verify_token: token },
        shown: { verify_token: token },
      };
    },

    // The address is set in Meta's own console: it can only be taken back there.
    disconnect: async () => undefined,

    async verify(request, { secrets }) {
      const [scheme, hex] = (request.header('X-Hub-Signature-256') ?? '').split('=', 2);
      return scheme === 'sha256' && isSigned(hex, secrets.app_secret ?? '', request.bytes);
    },

    receive: (value, _connection) => readWebhook(value, Date.now()),
    render: renderWhatsApp,

    async send(shown, to, connection, { reference, signal, file }) {
      const uploaded = file === undefined ? { id: null } : await upload(connection, file, signal);
      if ('refused' in uploaded) return { outcome: 'refused', refusal: uploaded.refused };
      const message = { recipient_type: 'individual', ...recipient(to), ...withMedium(shown, uploaded.id) };
      return outcomeOf(await post(connection, { ...message, biz_opaque_callback_data: reference }, signal));
    },

    async fetchMedia({ id, sha256 }, connection, maxBytes, signal) {
      if (!/^\d{1,64}$/.test(id)) return null;
      const headers = { Authorization: `Bearer ${connection.secrets.access_token}` };
      const answer = await callProvider(fetch, address(connection, id), { headers }, signal);
      const medium = v.safeParse(Medium, answer.got === 'answer' && answer.status < 300 ? answer.body : null);
      if (!medium.success || (medium.output.file_size ?? 0) > maxBytes || !isMediaHost(medium.output.url, options.url)) return null;
      const bytes = await downloadFile(fetch, medium.output.url, { headers, maxBytes, signal });
      return bytes !== null && isIntact(bytes, sha256 ?? medium.output.sha256 ?? null) ? bytes : null;
    },

    showTyping: async () => undefined,

    async notice(event, connection, signal) {
      const id = noticed(event);
      if (id !== null) await post(connection, { status: 'read', message_id: id, typing_indicator: { type: 'text' } }, signal);
    },
  };
}

/** Where Meta keeps media. The token goes nowhere else: a webhook may be forged by whoever knows the app secret. */
function isMediaHost(address: string, base: string): boolean {
  if (!URL.canParse(address)) return false;
  const { origin, protocol, hostname } = new URL(address);
  return origin === new URL(base).origin || (protocol === 'https:' && /(^|\.)(fbsbx\.com|fbcdn\.net|whatsapp\.net)$/.test(hostname));
}

function isIntact(bytes: Uint8Array, sha256: string | null): boolean {
  const digest = createHash('sha256').update(bytes).digest();
  return sha256 === null || [digest.toString('hex'), digest.toString('base64')].includes(sha256);
}

/** A number where it is known: with both, the number wins anyway. */
function recipient({ externalId, phone }: Recipient): object {
  return phone === null ? { recipient: externalId } : { to: phone };
}

function noticed(event: ChannelEvent): string | null {
  return event.kind === 'message' || event.kind === 'button' ? event.id : null;
}

function outcomeOf(answer: ProviderAnswer): SendOutcome {
  if (answer.got === 'down') return { outcome: 'refused', refusal: { code: 'down', does: 'retry' } };
  if (answer.got === 'unknown') return { outcome: 'unknown', reason: answer.reason };
  const sent = v.safeParse(Sent, answer.body);
  if (answer.status < 300 && sent.success) return { outcome: 'sent', providerId: sent.output.messages[0]?.id ?? '' };
  if (answer.status < 300) return { outcome: 'unknown', reason: 'no message id' };
  return { outcome: 'refused', refusal: refusalIn(answer) };
}

function refusalIn({ body, status }: Extract<ProviderAnswer, { got: 'answer' }>): Refusal {
  const failed = v.safeParse(Failed, body);
  return refusalOf(failed.success ? failed.output.error.code : null, status);
}

/** The bubble with the id of its uploaded file. */
function withMedium(shown: Shown, id: string | null): Shown {
  const type = String(shown.type);
  return id === null ? shown : { ...shown, [type]: { id, ...(shown[type] as object) } };
}

/** @throws AppError INVALID_INPUT refused · UNAVAILABLE no answer */
function accepted(answer: ProviderAnswer): unknown {
  if (answer.got !== 'answer' || answer.status >= 500) throw new AppError('UNAVAILABLE', 'Connect again later: WhatsApp does not answer');
  if (answer.status >= 300) throw new AppError('INVALID_INPUT', 'Cannot connect: WhatsApp refuses this number or access token');
  return answer.body;
}

/**
 * Answers Meta's question whether the address is ours.
 *
 * @returns the challenge to repeat; null when the word does not match
 */
export function verifySubscription(query: Readonly<Record<string, string | undefined>>, verifyToken: string): string | null {
  const matches = query['hub.mode'] === 'subscribe' && sameText(query['hub.verify_token'] ?? '', verifyToken);
  return matches ? (query['hub.challenge'] ?? '') : null;
}
