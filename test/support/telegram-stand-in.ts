/** A Telegram Bot API for tests and tries by hand: methods recorded, limits enforced with Telegram's own errors, faults on demand. */
import { pointsOf, type StandInAnswer, serveJson } from './provider-stand-in.ts';

/** What goes wrong with the next send. */
export type TelegramFault = { status: number; description: string; retryAfter?: number } | 'timeout after accept';

/** A call as it was taken. */
export interface TelegramCall {
  method: string;
  params: Record<string, unknown>;
}

/** The running stand-in and the hands a test has on it. */
export interface TelegramStandIn {
  url: string;
  /** Messages taken, in order. */
  sent: (TelegramCall & { messageId: number })[];
  /** Every other call, in order. */
  calls: TelegramCall[];
  /** What setWebhook was last told. */
  webhook: { url: string; secret: string } | null;
  /** Every fault is used up by one send, in order. */
  faults: TelegramFault[];
  /** Sends refused for breaking a limit of the API: our own mistakes. */
  broken: string[];
  /** Files people have sent, by file id. */
  files: Map<string, Uint8Array>;
  close(): Promise<void>;
}

export const botToken = '7654321:AAtest_token-of-a-bot-0123456789';

/** Starts the stand-in. @param port a free one unless told */
export async function startTelegram(port = 0): Promise<TelegramStandIn> {
  let messageId = 100;

  const methods: Record<string, (params: Record<string, unknown>) => StandInAnswer> = {
    getMe: () => ok({ id: 7654321, is_bot: true, first_name: 'Coach', username: 'coach_bot' }),
    setWebhook(params) {
      const secret = String(params.secret_token ?? '');
      if (!/^[A-Za-z0-9_-]{1,256}$/.test(secret)) return refused({ status: 400, description: 'Bad Request: secret token is invalid' });
      standIn.webhook = { url: String(params.url), secret };
      return ok(true);
    },
    getFile({ file_id: id }) {
      const bytes = standIn.files.get(String(id));
      if (!bytes) return refused({ status: 400, description: 'Bad Request: invalid file_id' });
      return ok({ file_id: id, file_path: `files/${id}`, file_size: bytes.byteLength });
    },
    deleteWebhook() {
      standIn.webhook = null;
      return ok(true);
    },
  };

  function answer(path: string, params: Record<string, unknown>): StandInAnswer {
    const file = standIn.files.get(/^\/file\/bot[^/]+\/files\/(\w+)$/.exec(path)?.[1] ?? '');
    if (file) return { status: 200, body: null, file };
    const [, token, method = ''] = /^\/bot([^/]+)\/(\w+)/.exec(path) ?? [];
    if (token !== botToken) return refused({ status: 401, description: 'Unauthorized' });
    if (method.startsWith('send') && method !== 'sendChatAction') return send(method, params);
    standIn.calls.push({ method, params });
    return methods[method]?.(params) ?? ok(true);
  }

  function send(method: string, params: Record<string, unknown>): StandInAnswer {
    const limit = brokenLimit(method, params);
    if (limit !== null) {
      standIn.broken.push(limit);
      return refused({ status: 400, description: `Bad Request: ${limit}` });
    }
    const fault = standIn.faults.shift();
    if (typeof fault === 'object') return refused(fault);
    messageId += 1;
    standIn.sent.push({ method, params, messageId });
    return fault === 'timeout after accept'
      ? { status: 0, body: null, lost: true }
      : ok({ message_id: messageId, chat: { id: params.chat_id } });
  }

  const server = await serveJson((_request, path, body) => answer(path, body), port);
  const standIn: TelegramStandIn = {
    url: server.url,
    sent: [],
    calls: [],
    webhook: null,
    faults: [],
    broken: [],
    files: new Map(),
    close: server.close,
  };
  return standIn;
}

function ok(result: unknown): StandInAnswer {
  return { status: 200, body: { ok: true, result } };
}

function refused({ status, description, retryAfter }: { status: number; description: string; retryAfter?: number }): StandInAnswer {
  const parameters = retryAfter === undefined ? {} : { parameters: { retry_after: retryAfter } };
  return { status, body: { ok: false, error_code: status, description, ...parameters } };
}

/** The limit a send breaks, in Telegram's words; null when it is good. */
export function brokenLimit(method: string, params: Record<string, unknown>): string | null {
  if (!/^\d+$/.test(String(params.chat_id))) return 'chat_id is empty';
  if (params.parse_mode !== undefined) return "can't parse entities";
  const content = method === 'sendMessage' ? brokenText(params.text) : brokenFile(method, params);
  if (content !== null) return content;
  if (pointsOf(params.caption ?? '') > 1_024) return 'message caption is too long';
  const markup = params.reply_markup as { inline_keyboard?: { text: string; callback_data: string }[][] } | undefined;
  const keys = (markup?.inline_keyboard ?? []).flat();
  return keys.some(({ callback_data }) => Buffer.byteLength(callback_data) < 1 || Buffer.byteLength(callback_data) > 64)
    ? 'BUTTON_DATA_INVALID'
    : null;
}

function brokenText(text: unknown): string | null {
  if (typeof text !== 'string' || text.trim() === '') return 'message text is empty';
  if (pointsOf(text) > 4_096 || text.length > 4_096) return 'message is too long';
  return text.isWellFormed() ? null : 'strings must be encoded in UTF-8';
}

/** What each method sends, and the types that come as such. */
const fileFields: Readonly<Record<string, readonly [field: string, types: RegExp]>> = {
  sendPhoto: ['photo', /^image\/(jpeg|png|webp)$/],
  sendVoice: ['voice', /^audio\/(ogg|mpeg|mp4)$/],
  sendAudio: ['audio', /^audio\/(mpeg|mp4)$/],
  sendVideo: ['video', /^video\/mp4$/],
  sendDocument: ['document', /^/],
};

/** Files go along as such, or by an address that Telegram can fetch. */
function brokenFile(method: string, params: Record<string, unknown>): string | null {
  if (!(method in fileFields)) return 'method not found';
  const [field = '', types = /^$/] = fileFields[method] ?? [];
  const file = params[field];
  if (typeof file === 'string') return /^https?:\/\//.test(file) ? null : 'wrong file identifier/HTTP URL specified';
  if (!(file instanceof File)) return `there is no ${field} in the request`;
  if (file.size === 0) return 'file must be non-empty';
  if (file.size > (method === 'sendPhoto' ? 10 : 50) * 1024 * 1024) return 'file is too big';
  return types.test(file.type) ? null : 'wrong type of the web page content';
}

/** An update with a text in a private chat. */
export function textUpdate(updateId: number, person: number, text: string, extra: Record<string, unknown> = {}): Record<string, unknown> {
  const message = { message_id: updateId, from: human(person), chat: { id: person, type: 'private' }, date: 0, text, ...extra };
  return { update_id: updateId, message };
}

/** An update with a pressed key under a message of the person's own chat, unless told. */
export function callbackUpdate(updateId: number, person: number, data: string, chat = person): Record<string, unknown> {
  const message = { message_id: 1, chat: { id: chat, type: 'private' }, date: 0 };
  return { update_id: updateId, callback_query: { id: `q${updateId}`, from: human(person), message, chat_instance: '1', data } };
}

/** A person as Telegram describes one. */
export function human(id: number): Record<string, unknown> {
  return { id, is_bot: false, first_name: 'Ana', language_code: 'en' };
}
