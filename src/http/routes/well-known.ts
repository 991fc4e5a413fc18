/** /.well-known: the public keys that verify our tokens. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Tokens } from '../../accounts/tokens.ts';
import type { AppEnv } from '../env.ts';
import { describe } from '../openapi.ts';

const Keys = v.object({ keys: v.array(v.looseObject({ kid: v.string(), kty: v.string(), alg: v.string() })) });

/** Mounted at the root. */
export function wellKnownRoutes(tokens: Tokens): Hono<AppEnv> {
  return new Hono<AppEnv>().get(
    '/.well-known/jwks.json',
    describe({ tag: 'auth', summary: 'The keys that verify access tokens', public: true, answers: { 200: Keys } }),
    (c) => {
      c.header('Cache-Control', 'public, max-age=300');
      return c.json(tokens.jwks());
    },
  );
}
