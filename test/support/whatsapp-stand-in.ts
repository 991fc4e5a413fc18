/** A WhatsApp Cloud API for tests and tries by hand: sends within the documented limits, refuses with Meta's own errors, signs its webhooks. */
import { createHmac } from 'node:crypto';
import { pointsOf, type StandInAnswer, serveJson } from './provider-stand-in.ts';

/** What goes wrong with the next send: an error code, a lost answer after the message was taken, or before. */
export type WhatsAppFault = number | 'timeout after accept' | 'timeout' | 'http 503';

/** A send that was taken. */
export interface WhatsAppSend {
  id: string;
  to: string;
  type: string;
  body: Record<string, unknown>;
  reference: string;
}

/** The running stand-in and the hands a test has on it. */
export interface WhatsAppStandIn {
  url: string;
  /** Sends taken, in order. */
  sent: WhatsAppSend[];
  /** Read marks and typing, in order, as their bodies. */
  noticed: Record<string, unknown>[];
  /** Every fault is used up by one send, in order. */
  faults: WhatsAppFault[];
  /** Sends refused for breaking a limit of the API: our own mistakes. */
  broken: string[];
  /** People whose window is closed: free text to them gets 131047. */
  closed: Set<string>;
  /** Files people have sent, by media id; `url` where Meta would keep it elsewhere. */
  media: Map<string, { bytes: Uint8Array; url?: string; sha256?: string }>;
  /** Downloads, in order, by media id. */
  downloads: string[];
  /** Files we have uploaded, by the id they got. */
  uploads: Map<string, File>;
  /** Every fault is used up by one upload, in order. */
  uploadFaults: WhatsAppFault[];
  close(): Promise<void>;
}

export const whatsappAccount = {
  phone_number_id: '109876543210',
  access_token: 'EAAtest',
  app_secret: 'app-secret-of-meta',
  verify_token: 'verify-me',
};

const messages: Readonly<Record<number, string>> = {
  100: 'Invalid parameter',
  131047: 'Re-engagement message',
  131053: 'Media upload error',
  131056: '(Business Account, Consumer Account) pair rate limit hit',
  130429: 'Rate limit hit',
  190: 'Invalid OAuth access token.',
};

/** Starts the stand-in. @param port a free one unless told */
export async function startWhatsApp(port = 0): Promise<WhatsAppStandIn> {
  let count = 0;

  function answer(path: string, body: Record<string, unknown>, token: string | undefined): StandInAnswer {
    const [, version, account, edge] = path.split(/[/?]/);
    if (!/^v\d+\.\d$/.test(version ?? '')) return { status: 400, body: refusal(2500) };
    if (token !== `Bearer ${whatsappAccount.access_token}`) return { status: 401, body: refusal(190) };
    if (standIn.media.has(account ?? '')) return medium(account ?? '', edge === 'bytes');
    if (account !== whatsappAccount.phone_number_id) return { status: 400, body: refusal(100) };
    return (edges[edge ?? ''] ?? about)(body);
  }

  const about = () => ({
    status: 200,
    body: { id: whatsappAccount.phone_number_id, display_phone_number: '+351 912 345 678', verified_name: 'Coach' },
  });
  const edges: Readonly<Record<string, (body: Record<string, unknown>) => StandInAnswer>> = {
    messages: (body) => (body.status === 'read' ? noticed(body) : send(body)),
    media: (body) => upload(body, standIn.uploadFaults.shift()),
  };

  function medium(id: string, download: boolean): StandInAnswer {
    const { bytes, sha256, url } = standIn.media.get(id) ?? { bytes: new Uint8Array() };
    if (!download) return { status: 200, body: { url: url ?? `${server.url}/v26.0/${id}/bytes`, sha256, file_size: bytes.byteLength } };
    standIn.downloads.push(id);
    return { status: 200, body: null, file: bytes };
  }

  function upload({ messaging_product, file }: Record<string, unknown>, fault?: WhatsAppFault): StandInAnswer {
    if (fault !== undefined)
      return typeof fault === 'number' ? { status: 400, body: refusal(fault) } : { status: 0, body: null, lost: true };
    const limit = file instanceof File ? uploadLimits.find(([types]) => types.test(file.type))?.[1] : undefined;
    if (messaging_product !== 'whatsapp' || !(file instanceof File)) return { status: 400, body: refusal(100, 'file') };
    if (limit === undefined || file.size > limit) return { status: 400, body: refusal(131053, 'Media upload error') };
    count += 1;
    const id = String(900_000 + count);
    standIn.uploads.set(id, file);
    return { status: 200, body: { id } };
  }

  function noticed(body: Record<string, unknown>): StandInAnswer {
    standIn.noticed.push(body);
    return { status: 200, body: { success: true } };
  }

  function send(body: Record<string, unknown>): StandInAnswer {
    const limit = brokenLimit(body);
    if (limit !== null) {
      standIn.broken.push(limit);
      return { status: 400, body: refusal(100, limit) };
    }
    const fault = standIn.faults.shift();
    return refusedBy(fault, body) ?? take(body, fault === 'timeout after accept');
  }

  /** What a test asked to go wrong, or what must; null where the send is taken. */
  function refusedBy(fault: WhatsAppFault | undefined, body: Record<string, unknown>): StandInAnswer | null {
    const named = (body[String(body.type)] as { id?: string } | undefined)?.id;
    if (named !== undefined && !standIn.uploads.has(named)) return { status: 400, body: refusal(131053, 'Media id not found') };
    if (fault === 'timeout') return { status: 0, body: null, lost: true };
    if (fault === 'http 503') return { status: 503, body: '<html>' };
    if (typeof fault === 'number') return { status: 400, body: refusal(fault) };
    const isClosed = standIn.closed.has(addressee(body)) && body.type !== 'template';
    return isClosed ? { status: 400, body: refusal(131047) } : null;
  }

  function take(body: Record<string, unknown>, isLost: boolean): StandInAnswer {
    const to = addressee(body);
    count += 1;
    const id = `wamid.${count}`;
    standIn.sent.push({ id, to, type: String(body.type), body, reference: String(body.biz_opaque_callback_data) });
    if (isLost) return { status: 0, body: null, lost: true };
    return {
      status: 200,
      body: { messaging_product: 'whatsapp', contacts: [{ input: to }], messages: [{ id, message_status: 'accepted' }] },
    };
  }

  const server = await serveJson((request, path, body) => answer(path, body, request.headers.authorization), port);
  const standIn: WhatsAppStandIn = {
    url: server.url,
    sent: [],
    noticed: [],
    faults: [],
    broken: [],
    closed: new Set(),
    media: new Map(),
    downloads: [],
    uploads: new Map(),
    uploadFaults: [],
    close: server.close,
  };
  return standIn;
}

function addressee(body: Record<string, unknown>): string {
  return String(body.to ?? body.recipient);
}

function refusal(code: number, details?: string): object {
  const message = `(#${code}) ${messages[code] ?? 'Something went wrong'}`;
  return { error: { message, type: 'OAuthException', code, error_data: { messaging_product: 'whatsapp', details }, fbtrace_id: 'A' } };
}

/** The limit of the Cloud API that a send breaks; null when it is good. */
export function brokenLimit(body: Record<string, unknown>): string | null {
  if (body.messaging_product !== 'whatsapp') return 'messaging_product';
  if (typeof body.to !== 'string' && typeof body.recipient !== 'string') return 'to';
  const shape = body as Record<string, Record<string, unknown> | undefined>;
  switch (body.type) {
    case 'text':
      return isText(shape.text?.body, 4_096) ? null : 'text.body';
    case 'interactive':
      return brokenInteractive(shape.interactive);
    case 'template':
      return typeof shape.template?.name === 'string' &&
        typeof (shape.template.language as { code?: string } | undefined)?.code === 'string'
        ? null
        : 'template';
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
      return brokenMedium(shape[body.type]);
    default:
      return 'type';
  }
}

/** A medium is named by its id or by a link that Meta can fetch, never by both. */
function brokenMedium({ id, link, caption }: Record<string, unknown> = {}): string | null {
  if ((id === undefined) === (link === undefined)) return 'id or link';
  if (id !== undefined && !/^\d+$/.test(String(id))) return 'id';
  if (link !== undefined && !/^https:\/\//.test(String(link))) return 'link';
  return caption === undefined || isText(caption, 1_024) ? null : 'caption';
}

/** The types an upload may have, and how many bytes (Cloud API, "Supported media types"). */
const uploadLimits: readonly (readonly [types: RegExp, bytes: number])[] = [
  [/^image\/(jpeg|png)$/, 5 * 1024 * 1024],
  [/^audio\/(aac|amr|mpeg|mp4|ogg)$/, 16 * 1024 * 1024],
  [/^video\/(3gpp|mp4)$/, 16 * 1024 * 1024],
  [/^(text\/plain|application\/pdf)$/, 100 * 1024 * 1024],
];

function isText(value: unknown, most: number): boolean {
  return typeof value === 'string' && value.trim() !== '' && value.isWellFormed() && pointsOf(value) <= most;
}

interface Interactive {
  type: string;
  body?: { text?: string };
  action?: {
    button?: string;
    buttons?: { reply?: { id: string; title: string } }[];
    sections?: { title?: string; rows: { id: string; title: string; description?: string }[] }[];
  };
}

function brokenInteractive(value: unknown): string | null {
  const { type, body, action } = value as Interactive;
  if (type === 'button') {
    const options = (action?.buttons ?? []).map(({ reply }) => reply ?? { id: '', title: '' });
    if (!isText(body?.text, 1_024)) return 'interactive.body';
    return brokenOptions(options, { most: 3, id: 256, title: 20 });
  }
  if (type !== 'list') return 'interactive.type';
  const sections = action?.sections ?? [];
  if (!isText(body?.text, 4_096)) return 'interactive.body';
  if (!isText(action?.button, 20)) return 'action.button';
  if (sections.length > 1 && sections.some(({ title }) => !isText(title, 24))) return 'section.title';
  if (sections.length > 10 || sections.some(({ rows }) => rows.length === 0)) return 'sections';
  if (sections.flatMap(({ rows }) => rows).some(({ description }) => description !== undefined && !isText(description, 72)))
    return 'row.description';
  return brokenOptions(
    sections.flatMap(({ rows }) => rows),
    { most: 10, id: 200, title: 24 },
  );
}

function brokenOptions(
  options: readonly { id: string; title: string }[],
  limits: { most: number; id: number; title: number },
): string | null {
  if (options.length < 1 || options.length > limits.most) return 'options.count';
  if (new Set(options.map(({ id }) => id)).size < options.length) return 'options.id twice';
  if (new Set(options.map(({ title }) => title)).size < options.length) return 'options.title twice';
  if (options.some(({ id }) => !isText(id, limits.id) || id !== id.trim())) return 'options.id';
  return options.some(({ title }) => !isText(title, limits.title)) ? 'options.title' : null;
}

/** The body of a webhook of one number. */
export function webhookBody(value: Record<string, unknown>, account = whatsappAccount.phone_number_id): Record<string, unknown> {
  const metadata = { display_phone_number: '351912345678', phone_number_id: account };
  return {
    object: 'whatsapp_business_account',
    entry: [{ id: 'WABA', changes: [{ field: 'messages', value: { messaging_product: 'whatsapp', metadata, ...value } }] }],
  };
}

/** The value of a webhook with one message. `from` is a number, `scoped` a business-scoped id; either may be missing. */
export function inbound(
  id: string,
  from: { phone?: string; scoped?: string },
  message: Record<string, unknown>,
  seconds = 0,
): Record<string, unknown> {
  const contact = {
    profile: { name: 'Ana' },
    ...(from.phone ? { wa_id: from.phone } : {}),
    ...(from.scoped ? { user_id: from.scoped } : {}),
  };
  const sender = { ...(from.phone ? { from: from.phone } : {}), ...(from.scoped ? { from_user_id: from.scoped } : {}) };
  return { contacts: [contact], messages: [{ id, ...sender, ...(seconds > 0 ? { timestamp: String(seconds) } : {}), ...message }] };
}

/** The value of a webhook with one status. */
export function status(id: string, state: string, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return { statuses: [{ id, status: state, timestamp: '1', recipient_id: '351', ...extra }] };
}

/** A webhook as Meta sends it: non-ASCII escaped in lower-case hex, signed over those bytes. */
export function signedWebhook(
  body: unknown,
  secret = whatsappAccount.app_secret,
  escaped = true,
): { body: string; headers: Record<string, string> } {
  const plain = JSON.stringify(body);
  const text = escaped ? plain.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`) : plain;
  const hex = createHmac('sha256', secret).update(text).digest('hex');
  return { body: text, headers: { 'Content-Type': 'application/json', 'X-Hub-Signature-256': `sha256=${hex}` } };
}
