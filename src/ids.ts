/** Identifiers: branded so that one kind cannot stand for another, and the source of new ones. */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** The tenant: a coach's workspace. UUID. */
export type CreatorId = Branded<'creator'>;
/** A person who signs in to a workspace. UUID. */
export type MemberId = Branded<'member'>;
/** An end user. UUID. */
export type ContactId = Branded<'contact'>;
/** The stable name of a contact's conversation. UUID. */
export type SessionId = Branded<'session'>;
/** The actor of one (creator, session). UUID. */
export type ConversationId = Branded<'conversation'>;
/** A coaching program. UUID. */
export type ProgramId = Branded<'program'>;
/** A document of knowledge. UUID. */
export type DocumentId = Branded<'document'>;

const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether the text is a UUID in the lower-case form of RFC 9562 §4. */
export function isUuid(text: string): boolean {
  return uuidShape.test(text);
}

/** The characters of every byte in hexadecimal, two for each. */
const hexCodes = new TextEncoder().encode(Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).join(''));

/** Where each byte of a UUID stands in its text. */
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** The text of one UUID under construction, its hyphens in place. */
const characters = new Uint8Array(36).fill(45);

function write(index: number, byte: number): void {
  const place = places[index] ?? 0;
  characters[place] = hexCodes[byte * 2] ?? 0;
  characters[place + 1] = hexCodes[byte * 2 + 1] ?? 0;
}

/**
 * A UUID version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then random bits. Sorts by time.
 *
 * @param now milliseconds since 1970
 * @param random holds at least 10 random bytes from `start` on
 */
export function uuidV7(now: number, random: Uint8Array, start = 0): string {
  // Bitwise operators take 32 bits of a number.
  const high = Math.floor(now / 0x10000);
  for (let index = 0; index < 4; index += 1) write(index, (high >>> (24 - 8 * index)) & 0xff);
  write(4, (now % 0x10000) >>> 8);
  write(5, now % 0x100);
  for (let index = 6; index < 16; index += 1) write(index, random[start + index - 6] ?? 0);
  write(6, ((random[start] ?? 0) & 0x0f) | 0x70);
  write(8, ((random[start + 2] ?? 0) & 0x3f) | 0x80);
  // In one piece: a text put together from parts is kept as its parts, six times as large.
  return String.fromCharCode.apply(null, characters as unknown as number[]);
}

/** Where new ids come from: random in service, counted in tests. */
export interface Ids {
  /** A new UUID v7, typed by where it is used. */
  uuid<Id extends string = string>(): Id;
}

/** Random bytes drawn ahead, since a draw costs the same for ten as for a thousand; each is used once. */
const drawn = new Uint8Array(2_000);
let used = drawn.length;

/** Ids from the wall clock and the system's random source. */
export const systemIds: Ids = {
  uuid<Id extends string>() {
    if (used === drawn.length) {
      crypto.getRandomValues(drawn);
      used = 0;
    }
    used += 10;
    return uuidV7(Date.now(), drawn, used - 10) as Id;
  },
};
