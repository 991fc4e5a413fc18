/** Refresh tokens: what they look like, and the rule that decides what a presented one is worth. */
import type { Seal } from '../seal.ts';
import type { RefreshFamily } from '../store/refresh-families.ts';

const day = 24 * 60 * 60 * 1000;
/** A family unused for this long is over. */
export const slidingMs = 30 * day;
/** A family is over this long after sign-in, used or not. */
export const absoluteMs = 90 * day;
/** How long the token before the current one still gives the current one: a client that lost the answer, or two tabs at once. */
const graceMs = 10_000;

/** What a token names. */
export interface RefreshToken {
  familyId: string;
  generation: number;
}

/** 16 bytes family, 4 bytes generation, 32 bytes MAC. */
const tokenBytes = 52;
const tokenShape = /^cr_[A-Za-z0-9_-]{70}$/;
const purpose = 'refresh-token';

/**
 * The token of a family's generation: always the same one, so that nothing secret is stored and a retry gets the same again.
 */
export async function refreshToken(seal: Seal, { familyId, generation }: RefreshToken): Promise<string> {
  const named = new Uint8Array(20);
  named.set(Buffer.from(familyId.replaceAll('-', ''), 'hex'));
  new DataView(named.buffer).setUint32(16, generation);
  return `cr_${Buffer.concat([named, await seal.mac(purpose, named)]).toString('base64url')}`;
}

/** What a token of ours names; undefined for anything else. */
export async function readRefreshToken(seal: Seal, text: string): Promise<RefreshToken | undefined> {
  if (!tokenShape.test(text)) return undefined;
  const given = Buffer.from(text.slice(3), 'base64url');
  if (given.byteLength !== tokenBytes) return undefined;
  const hex = given.toString('hex', 0, 16);
  const familyId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  const token = { familyId, generation: given.readUInt32BE(16) };
  return sameText(await refreshToken(seal, token), text) ? token : undefined;
}

/** The part of a family that the rule looks at. */
type FamilyFacts = Pick<RefreshFamily, 'generation' | 'rotatedAt' | 'lastUsedAt' | 'expiresAt' | 'ended'>;

/**
 * What a presented generation means:
 * - `rotate` the current one: the next generation is given
 * - `repeat` the one before it, within the grace: the current one is given again
 * - `reuse` an older one: somebody else has a copy, the family must end
 * - `over` the family has ended or expired, or never gave this generation
 */
export function judge(family: FamilyFacts, generation: number, now: number): 'rotate' | 'repeat' | 'reuse' | 'over' {
  if (family.ended || now >= family.expiresAt || now >= family.lastUsedAt + slidingMs) return 'over';
  if (generation > family.generation) return 'over';
  if (generation === family.generation) return 'rotate';
  const retry = generation === family.generation - 1 && now - family.rotatedAt <= graceMs;
  return retry ? 'repeat' : 'reuse';
}

/** Compares without telling by time where two texts differ. */
function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}
