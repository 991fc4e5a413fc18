/** A push service and a browser for tests: takes pushes, opens them with the browser's key as RFC 8291 says, and checks who sent them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { importJWK, jwtVerify } from 'jose';

/** A push as the browser sees it. */
export interface ReceivedPush {
  news: unknown;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The claims of whoever sent it. */
  claims: Readonly<Record<string, unknown>>;
  bytes: number;
}

/** A browser that is subscribed at a push service of this machine. */
export interface PushStandIn {
  origin: string;
  /** `PushSubscription.toJSON()`. */
  subscription: { endpoint: string; expirationTime: null; keys: { p256dh: string; auth: string } };
  pushes: ReceivedPush[];
  /** Each is the status of one answer, in order; else 201. */
  statuses: number[];
  close(): Promise<void>;
}

/** Starts a service with one subscribed browser. */
export async function startPushService(): Promise<PushStandIn> {
  const receiver = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
  const point = new Uint8Array(await crypto.subtle.exportKey('raw', receiver.publicKey));
  const auth = crypto.getRandomValues(new Uint8Array(16));
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const status = standIn.statuses.shift() ?? 201;
    if (status < 300) {
      const body = new Uint8Array(Buffer.concat(pieces));
      const news = JSON.parse(await openPush(body, receiver.privateKey, point, auth));
      const claims = await claimsOf(String(request.headers.authorization), standIn.origin);
      standIn.pushes.push({ news, headers: request.headers, claims, bytes: body.byteLength });
    }
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = { p256dh: Buffer.from(point).toString('base64url'), auth: Buffer.from(auth).toString('base64url') };
  const standIn: PushStandIn = {
    origin,
    subscription: { endpoint: `${origin}/send/${crypto.randomUUID()}`, expirationTime: null, keys },
    pushes: [],
    statuses: [],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return standIn;
}

async function claimsOf(authorization: string, audience: string): Promise<Record<string, unknown>> {
  const [, token = '', key = ''] = /^vapid t=([^,]+), k=(.+)$/.exec(authorization) ?? [];
  const bytes = Buffer.from(key, 'base64url');
  const [x, y] = [bytes.subarray(1, 33), bytes.subarray(33)].map((half) => half.toString('base64url'));
  const verifier = await importJWK({ kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }, 'ES256');
  // Judged by the token's own time: the clock of a test stands elsewhere.
  const { exp = 0 } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return (await jwtVerify(token, verifier, { audience, currentDate: new Date((exp - 1) * 1000) })).payload;
}

/** Opens a body of `Content-Encoding: aes128gcm`. */
export async function openPush(
  body: Uint8Array<ArrayBuffer>,
  receiver: CryptoKey,
  point: Uint8Array<ArrayBuffer>,
  auth: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const salt = body.slice(0, 16);
  const sender = body.slice(21, 21 + (body[20] ?? 0));
  const key = await crypto.subtle.importKey('raw', sender, { name: 'ECDH', namedCurve: 'P-256' }, false, []);
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: key }, receiver, 256));
  const info = (text: string, ...more: Uint8Array[]) => new Uint8Array(Buffer.concat([Buffer.from(text), ...more]));
  const material = await hkdf(shared, auth, info('WebPush: info\0', point, sender), 32);
  const secret = await hkdf(material, salt, info('Content-Encoding: aes128gcm\0'), 16);
  const nonce = await hkdf(material, salt, info('Content-Encoding: nonce\0'), 12);
  const cipher = await crypto.subtle.importKey('raw', secret, 'AES-GCM', false, ['decrypt']);
  const opened = new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce }, cipher, body.slice(21 + sender.byteLength)));
  return new TextDecoder().decode(opened.subarray(0, opened.lastIndexOf(2)));
}

async function hkdf(material: Uint8Array<ArrayBuffer>, salt: Uint8Array<ArrayBuffer>, info: Uint8Array<ArrayBuffer>, bytes: number) {
  const key = await crypto.subtle.importKey('raw', material, 'HKDF', false, ['deriveBits']);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, bytes * 8));
}
