/** A browser's subscription to Web Push, believed only where its address is a push service's and its keys are keys. */
import * as v from 'valibot';
import { AppError } from '../../errors.ts';

/** `PushSubscription.toJSON()` (Push API §9). */
export const PushSubscriptionBody = v.strictObject({
  endpoint: v.pipe(v.string(), v.maxLength(2_000)),
  expirationTime: v.optional(v.nullable(v.number())),
  keys: v.strictObject({ p256dh: v.pipe(v.string(), v.maxLength(200)), auth: v.pipe(v.string(), v.maxLength(100)) }),
});

/** What is kept of one: the keys in base64url. */
export interface PushSubscription {
  endpoint: string;
  p256dh: string;
  auth: string;
}

/** The push services of browsers. */
const services =
  /^(fcm\.googleapis\.com|([a-z0-9-]+\.)*push\.services\.mozilla\.com|([a-z0-9-]+\.)*push\.apple\.com|([a-z0-9-]+\.)*notify\.windows\.com)$/;

/**
 * Reads a subscription.
 *
 * @param allowed origins that are asked besides the known services
 * @throws AppError INVALID_ADDRESS
 */
export async function readSubscription(
  { endpoint, keys }: v.InferOutput<typeof PushSubscriptionBody>,
  allowed: readonly string[],
): Promise<PushSubscription> {
  if (!isService(endpoint, allowed)) throw new AppError('INVALID_ADDRESS', 'Subscribe at a push service of a browser');
  const p256dh = bytesOf(keys.p256dh);
  const auth = bytesOf(keys.auth);
  if (!(await isPoint(p256dh))) throw new AppError('INVALID_ADDRESS', 'Send keys.p256dh as a point of P-256 in base64url');
  if (auth.byteLength !== 16) throw new AppError('INVALID_ADDRESS', 'Send keys.auth as 16 bytes in base64url');
  return { endpoint, p256dh: p256dh.toString('base64url'), auth: auth.toString('base64url') };
}

function isService(endpoint: string, allowed: readonly string[]): boolean {
  if (!URL.canParse(endpoint)) return false;
  const { protocol, hostname, port, username, password, origin } = new URL(endpoint);
  if (username !== '' || password !== '') return false;
  return allowed.includes(origin) || (protocol === 'https:' && port === '' && services.test(hostname));
}

/** Browsers differ in the alphabet and the padding. */
function bytesOf(text: string): Buffer<ArrayBuffer> {
  return Buffer.from(text, 'base64url');
}

/** Whether these are an uncompressed point of P-256: the import refuses what does not lie on the curve. */
function isPoint(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  if (bytes.byteLength !== 65 || bytes[0] !== 4) return Promise.resolve(false);
  return crypto.subtle.importKey('raw', bytes, { name: 'ECDH', namedCurve: 'P-256' }, false, []).then(
    () => true,
    () => false,
  );
}
