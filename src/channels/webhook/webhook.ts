/** Any other system as a channel: signed JSON in and out. docs/webhook-channel.md says what the other side must do. */
import * as v from 'valibot';
import { AccountSecret, accountEntries } from '../account-entries.ts';
import type { Channel, Part, Received, Refusal, SendOutcome, Showable } from '../channel.ts';
import { downloadFile, type Fetch, type ProviderAnswer, postText } from '../provider-call.ts';
import { buttonKey, publicMedia, wordsOf } from '../rendering.ts';
import { isSigned, sign } from '../signature.ts';
import { splitText } from '../split-text.ts';
import { isHttpAddress, readEvents } from './inbound.ts';

const Account = v.strictObject({
  channel: v.literal('webhook'),
  ...accountEntries,
  url: v.pipe(v.string(), v.maxLength(2_000), v.check(isHttpAddress, 'Expected an http or https URL')),
  secret: v.optional(v.pipe(AccountSecret, v.minLength(16))),
});

const Taken = v.object({ id: v.pipe(v.string(), v.minLength(1), v.maxLength(512)) });

/** How old a signed request may be, in milliseconds. */
const mostAgeMs = 300_000;
const mostText = 4_096;

/** The headers of a signed request. `timestamp` is in seconds since 1970; the signature covers `timestamp.body`. */
export const signatureHeaders = { timestamp: 'X-Companero-Timestamp', signature: 'X-Companero-Signature' } as const;

/** @param options.fetch refuses addresses that are not public, where they must not be asked · `newToken` unguessable text · `now` wall time, milliseconds */
export function createWebhook(options: { fetch: Fetch; newToken(): string; now(): number }): Channel {
  return {
    name: 'webhook',
    account: Account,
    capabilities: { windowMs: null, perSecond: 50, perPerson: { burst: 10, everyMs: 500 }, typingEveryMs: null, reconciles: false },

    async connect(given) {
      const { url, secret = options.newToken() } = given as v.InferOutput<typeof Account>;
      return { account: url, settings: { url }, secrets: { secret }, shown: { secret } };
    },

    disconnect: async () => undefined,

    async verify(request, { secrets }) {
      const timestamp = request.header(signatureHeaders.timestamp) ?? '';
      if (!/^\d{1,12}$/.test(timestamp) || Math.abs(request.now - Number(timestamp) * 1000) > mostAgeMs) return false;
      const [version, hex] = (request.header(signatureHeaders.signature) ?? '').split('=', 2);
      return version === 'v1' && isSigned(hex, secrets.secret ?? '', `${timestamp}.`, request.bytes);
    },

    receive: (value, { account }, now): Received => readEvents(value, account, now),
    render: renderWebhook,

    async send(shown, to, { settings, secrets }, { reference, signal }) {
      const body = JSON.stringify({ ...shown, reference, to: { id: to.externalId } });
      const timestamp = String(Math.floor(options.now() / 1000));
      const headers = {
        [signatureHeaders.timestamp]: timestamp,
        [signatureHeaders.signature]: `v1=${sign(secrets.secret ?? '', `${timestamp}.`, body)}`,
      };
      return outcomeOf(await postText(options.fetch, settings.url ?? '', body, headers, signal), reference);
    },

    fetchMedia: ({ id }, _connection, maxBytes, signal) => downloadFile(options.fetch, id, { headers: {}, maxBytes, signal }),
    showTyping: async () => undefined,
    notice: async () => undefined,
  };
}

/** Text in pieces, the buttons under the last: the other side knows best what it can show. */
function renderWebhook(message: Showable): readonly Part[] {
  const pieces = splitText(wordsOf(message.body, false), mostText);
  const buttons = (message.body.buttons ?? []).map(({ title }, ordinal) => ({ key: buttonKey(message, ordinal), title }));
  const media = publicMedia(message.body);
  const files = (message.body.attachments ?? []).map(({ id, kind, type, name, bytes }) => ({
    ...{ kind, type, name, bytes },
    url: message.fileUrls?.[id] ?? null,
  }));
  return pieces.map((text, index) => ({
    shown: {
      type: 'message',
      text,
      buttons: index === pieces.length - 1 ? buttons : [],
      media: index === 0 ? media : null,
      files: index === 0 ? files : [],
    },
    plain: null,
  }));
}

/** Any 2xx takes the message; an `id` in the answer names it in later statuses, else our reference does. */
function outcomeOf(answer: ProviderAnswer, reference: string): SendOutcome {
  if (answer.got === 'down') return { outcome: 'refused', refusal: { code: 'down', does: 'retry' } };
  if (answer.got === 'unknown') return { outcome: 'unknown', reason: answer.reason };
  if (answer.status >= 300) return { outcome: 'refused', refusal: refusalOf(answer) };
  const taken = v.safeParse(Taken, answer.body);
  return { outcome: 'sent', providerId: taken.success ? taken.output.id : reference };
}

function refusalOf({ status, retryAfterMs }: Extract<ProviderAnswer, { got: 'answer' }>): Refusal {
  if (status === 429) return { code: '429', does: 'park', afterMs: retryAfterMs ?? 5_000 };
  if (status === 410) return { code: '410', does: 'unreachable' };
  return { code: String(status), does: status >= 500 ? 'retry' : 'fail' };
}
