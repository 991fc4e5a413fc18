/** What the installation's master key is for: sealing secrets at rest, and deriving keys that sign. */

/** Keys derived from one master key, each for one purpose, so that none can stand for another. */
export interface Seal {
  /** Names the master key that seals; stands before each sealed text. Says nothing about the key. */
  readonly keyId: string;
  /** Encrypts a secret for the record. It opens only with the same `context`, such as `signing-key:<kid>`. */
  seal(secret: string, context: string): Promise<string>;
  /** @throws Error when the text was changed, or sealed by another master key or for another context */
  open(sealed: string, context: string): Promise<string>;
  /** HMAC-SHA-256 of `data` under a key for this purpose only: 32 bytes. */
  mac(purpose: string, data: Uint8Array): Promise<Uint8Array>;
}

const nonceBytes = 12;

/**
 * @param masterKey 32 random bytes
 * @param earlier master keys before it, which still open what they sealed until all has been sealed anew
 */
export async function createSeal(masterKey: Uint8Array, earlier: readonly Uint8Array[] = []): Promise<Seal> {
  const current = await openMasterKey(masterKey);
  const all = [current, ...(await Promise.all(earlier.map(openMasterKey)))];
  const { root, cipher, keyId } = current;
  const macKeys = new Map<string, Promise<CryptoKey>>();

  function macKey(purpose: string): Promise<CryptoKey> {
    let key = macKeys.get(purpose);
    if (key === undefined) {
      key = crypto.subtle.deriveKey(hkdf(`mac:${purpose}`), root, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign']);
      macKeys.set(purpose, key);
    }
    return key;
  }

  return {
    keyId,
    async seal(secret, context) {
      const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
      const sealed = await crypto.subtle.encrypt(gcm(nonce, context), cipher, new TextEncoder().encode(secret));
      return `${keyId}.${Buffer.concat([nonce, new Uint8Array(sealed)]).toString('base64url')}`;
    },
    async open(sealed, context) {
      const [named, text] = sealed.split('.') as [string, string?];
      const key = all.find((one) => one.keyId === named);
      if (key === undefined || text === undefined)
        throw new Error(`Cannot open what the master key ${JSON.stringify(named.slice(0, 8))} sealed: it is not here`);
      const given = Buffer.from(text, 'base64url');
      const secret = await crypto.subtle.decrypt(
        gcm(given.subarray(0, nonceBytes), context),
        key.cipher,
        bytes(given.subarray(nonceBytes)),
      );
      return new TextDecoder().decode(secret);
    },
    async mac(purpose, data) {
      return new Uint8Array(await crypto.subtle.sign('HMAC', await macKey(purpose), bytes(data)));
    },
  };
}

async function openMasterKey(masterKey: Uint8Array) {
  if (masterKey.byteLength !== 32) throw new RangeError(`Cannot use a master key of ${masterKey.byteLength} bytes`);
  const root = await crypto.subtle.importKey('raw', bytes(masterKey), 'HKDF', false, ['deriveKey', 'deriveBits']);
  const cipher = await crypto.subtle.deriveKey(hkdf('seal'), root, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const keyId = Buffer.from(await crypto.subtle.deriveBits(hkdf('key-id'), root, 48)).toString('base64url');
  return { root, cipher, keyId };
}

function hkdf(info: string): HkdfParams {
  return { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: new TextEncoder().encode(`companero:${info}`) };
}

function gcm(nonce: Uint8Array, context: string): AesGcmParams {
  return { name: 'AES-GCM', iv: bytes(nonce), additionalData: new TextEncoder().encode(context) };
}

/** A copy over a plain ArrayBuffer, which is what WebCrypto's types ask for. */
function bytes(view: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view);
}
