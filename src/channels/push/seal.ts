/** The cryptography of Web Push: payloads only the browser opens (RFC 8291 over RFC 8188), and who sends them (RFC 8292). */
import { importJWK, type JWK, SignJWT } from 'jose';
import type { PushSubscription } from './subscription.ts';

const curve = { name: 'ECDH', namedCurve: 'P-256' } as const;
/** One record takes the whole payload. */
const recordBytes = 4_096;

/** What is drawn anew for each payload. */
export interface PushChance {
  salt: Uint8Array<ArrayBuffer>;
  sender: CryptoKeyPair;
}

/** A new salt and a new key pair. */
export async function drawPushChance(): Promise<PushChance> {
  const sender = await crypto.subtle.generateKey(curve, true, ['deriveBits']);
  return { salt: crypto.getRandomValues(new Uint8Array(16)), sender };
}

/** The body of a push with `Content-Encoding: aes128gcm`. @param text up to about 3,900 bytes */
export async function sealPush(
  text: string,
  { p256dh, auth }: PushSubscription,
  { salt, sender }: PushChance,
): Promise<Uint8Array<ArrayBuffer>> {
  const receiverPoint = fromBase64(p256dh);
  const receiver = await crypto.subtle.importKey('raw', receiverPoint, curve, false, []);
  const senderPoint = new Uint8Array(await crypto.subtle.exportKey('raw', sender.publicKey));
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: receiver }, sender.privateKey, 256));
  const material = await derive(shared, fromBase64(auth), joined(utf8('WebPush: info\0'), receiverPoint, senderPoint), 32);
  const key = await derive(material, salt, utf8('Content-Encoding: aes128gcm\0'), 16);
  const nonce = await derive(material, salt, utf8('Content-Encoding: nonce\0'), 12);
  const cipher = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt']);
  // The byte 2 marks the end of the last record.
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, cipher, joined(utf8(text), Uint8Array.of(2)));
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, recordBytes);
  return joined(salt, size, Uint8Array.of(senderPoint.byteLength), senderPoint, new Uint8Array(sealed));
}

/** HKDF with SHA-256 (RFC 5869). */
async function derive(material: Uint8Array<ArrayBuffer>, salt: Uint8Array<ArrayBuffer>, info: Uint8Array<ArrayBuffer>, bytes: number) {
  const key = await crypto.subtle.importKey('raw', material, 'HKDF', false, ['deriveBits']);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, bytes * 8));
}

/** The installation's key pair: the public half as browsers take it. */
export interface PushKey {
  publicKey: string;
  privateJwk: JWK;
}

/** A new key pair. */
export async function makePushKey(): Promise<PushKey> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const point = Buffer.from(await crypto.subtle.exportKey('raw', publicKey)).toString('base64url');
  return { publicKey: point, privateJwk: await crypto.subtle.exportKey('jwk', privateKey) };
}

/** How long a word of who we are holds, in seconds; 24 hours at most (RFC 8292 §2). */
const authorizationSeconds = 12 * 3_600;

/** The `Authorization` header for one push service. @param contact an https or mailto address · `now` milliseconds since 1970 */
export async function pushAuthorization(
  { publicKey, privateJwk }: PushKey,
  endpoint: string,
  contact: string,
  now: number,
): Promise<string> {
  const token = await new SignJWT()
    .setProtectedHeader({ typ: 'JWT', alg: 'ES256' })
    .setAudience(new URL(endpoint).origin)
    .setSubject(contact)
    .setExpirationTime(Math.floor(now / 1000) + authorizationSeconds)
    .sign(await importJWK(privateJwk, 'ES256'));
  return `vapid t=${token}, k=${publicKey}`;
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}
