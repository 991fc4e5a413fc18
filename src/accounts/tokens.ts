/** Access and widget tokens: signed JWTs of two kinds that cannot stand for each other. */
import { createHash } from 'node:crypto';
import { type CryptoKey, decodeProtectedHeader, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import type { MemberPrincipal, WidgetPrincipal } from '../context.ts';
import { AppError } from '../errors.ts';
import { type ConversationId, type CreatorId, type Ids, isUuid, type MemberId, type SessionId } from '../ids.ts';
import { permissionsOf } from './roles.ts';

/** How long an access token lives, in seconds. */
export const accessSeconds = 15 * 60;
/** How long a widget session token lives, in seconds: a program of months must find its contact again. */
const widgetSeconds = 90 * 24 * 60 * 60;

/** One key of the installation. Several may verify; one signs. */
export interface SigningKey {
  kid: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  /** The public half as published, with `kid`, `alg` and `use`. */
  publicJwk: JWK;
}

/** Makes and checks tokens. Nothing is stored: whether a sign-in still stands is another question. */
export interface Tokens {
  /**
   * A token for the REST API.
   *
   * @param issue `jti` and the issue instant in milliseconds since 1970; the same issue gives the same token
   */
  issueAccess(principal: MemberPrincipal, issue: { jti: string; at: number }): Promise<string>;
  /** @throws AppError UNAUTHENTICATED for anything but a valid access token of ours */
  verifyAccess(token: string): Promise<MemberPrincipal>;
  /** A token that names a contact's conversation, valid for 90 days. */
  issueWidget(principal: WidgetPrincipal): Promise<string>;
  /** @throws AppError UNAUTHENTICATED for anything but a valid widget token of ours */
  verifyWidget(token: string): Promise<WidgetPrincipal>;
  /** The public keys, RFC 7517 §5. */
  jwks(): { keys: JWK[] };
}

/** RSASSA-PKCS1-v1_5 is what clients of this API expect; the algorithm belongs to the key, so another one is a rotation. */
const algorithm = 'RS256';
const maxTokenLength = 4096;
/** How many good tokens are remembered, by digest: to verify one costs a tenth of a millisecond, at every request. */
const rememberMost = 10_000;
const kidShape = /^[A-Za-z0-9_-]{1,64}$/;

const uuid = <Id extends string>() => v.custom<Id>((value) => typeof value === 'string' && isUuid(value));

const AccessClaims = v.object({
  sub: uuid<MemberId>(),
  sid: uuid<string>(),
  creator_id: uuid<CreatorId>(),
  role: v.picklist(['owner', 'editor', 'agent', 'viewer']),
});

const WidgetClaims = v.object({
  sub: uuid<SessionId>(),
  creator_id: uuid<CreatorId>(),
  conversation_id: uuid<ConversationId>(),
});

/** Each kind has its own `typ` (RFC 8725 §3.11) and audience, and one verifier. */
interface Kind {
  typ: string;
  audience: string;
  seconds: number;
}
const access: Kind = { typ: 'at+jwt', audience: 'companero:api', seconds: accessSeconds };
const widget: Kind = { typ: 'widget+jwt', audience: 'companero:widget', seconds: widgetSeconds };

/**
 * @param keys the first one signs, all verify; at least one
 * @param issuer the `iss` claim: the installation's public address
 */
export function createTokens(deps: { keys: readonly [SigningKey, ...SigningKey[]]; issuer: string; clock: Clock; ids: Ids }): Tokens {
  const { keys, issuer, clock, ids } = deps;
  const byKid = new Map(keys.map((key) => [key.kid, key]));
  const verified = new Map<string, JWTPayload>();

  function sign(kind: Kind, sub: string, claims: JWTPayload, issue: { jti: string; at: number }): Promise<string> {
    const issuedAt = Math.floor(issue.at / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: algorithm, typ: kind.typ, kid: keys[0].kid })
      .setIssuer(issuer)
      .setAudience(kind.audience)
      .setSubject(sub)
      .setJti(issue.jti)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + kind.seconds)
      .sign(keys[0].privateKey);
  }

  /** The claims of a token: once its signature has been found good, only its end can change that. */
  async function verify(kind: Kind, token: string): Promise<JWTPayload> {
    const name = `${kind.typ} ${createHash('sha256').update(token).digest('base64url')}`;
    const known = verified.get(name);
    if (known !== undefined && Number(known.exp) * 1000 > clock.wall()) return known;
    const payload = await verifyAnew(kind, token);
    if (verified.size >= rememberMost) verified.clear();
    verified.set(name, payload);
    return payload;
  }

  async function verifyAnew(kind: Kind, token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, keyOf(token, byKid), {
        algorithms: [algorithm],
        typ: kind.typ,
        audience: kind.audience,
        issuer,
        requiredClaims: ['exp', 'iat', 'sub', 'jti'],
        currentDate: new Date(clock.wall()),
      });
      return payload;
    } catch (cause) {
      throw new AppError('UNAUTHENTICATED', 'Sign in again: the token is not valid', { cause });
    }
  }

  return {
    issueAccess: ({ memberId, creatorId, sid, role }, issue) =>
      sign(access, memberId, { sid, creator_id: creatorId, role, permissions: permissionsOf(role) }, issue),
    async verifyAccess(token) {
      const claims = claimsOf(AccessClaims, await verify(access, token));
      return { kind: 'member', creatorId: claims.creator_id, memberId: claims.sub, sid: claims.sid, role: claims.role };
    },
    issueWidget: ({ sessionId, creatorId, conversationId }) =>
      sign(widget, sessionId, { creator_id: creatorId, conversation_id: conversationId }, { jti: ids.uuid(), at: clock.wall() }),
    async verifyWidget(token) {
      const claims = claimsOf(WidgetClaims, await verify(widget, token));
      return { kind: 'widget', creatorId: claims.creator_id, sessionId: claims.sub, conversationId: claims.conversation_id };
    },
    jwks: () => ({ keys: keys.map((key) => key.publicJwk) }),
  };
}

/** The key is found in our own set by `kid` alone; `jku`, `jwk` and `x5u` in a header are never looked at. */
function keyOf(token: string, byKid: ReadonlyMap<string, SigningKey>): CryptoKey {
  if (token.length > maxTokenLength) throw new Error('Cannot read a token this long');
  const { kid } = decodeProtectedHeader(token);
  const key = typeof kid === 'string' && kidShape.test(kid) ? byKid.get(kid) : undefined;
  if (key === undefined) throw new Error('Cannot find the key of the token');
  return key.publicKey;
}

function claimsOf<S extends v.GenericSchema>(schema: S, payload: JWTPayload): v.InferOutput<S> {
  const result = v.safeParse(schema, payload);
  if (!result.success) throw new AppError('UNAUTHENTICATED', 'Sign in again: the token is not valid');
  return result.output;
}
