/** /api/v1/auth/email: changing one's own mail address. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { AddressChange } from '../../accounts/address-change.ts';
import { EmailAddress } from '../../accounts/email.ts';
import { TriedPassword } from '../../accounts/password-policy.ts';
import { callerOf, type Member } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import type { SignInLimits } from '../limits.ts';
import { describe } from '../openapi.ts';
import { body } from '../validate.ts';

const tag = 'auth';
const maxBytes = 16 * 1024;

const Wish = v.strictObject({ email: EmailAddress });
const Confirmation = v.strictObject({ token: v.pipe(v.string(), v.maxLength(200)), password: TriedPassword });

/** What these routes need. */
export interface AddressChangeRoutesDeps {
  addressChange: AddressChange;
  signInLimits: SignInLimits;
  member: Member;
}

/** Mounted under /api/v1/auth/email. */
export function addressChangeRoutes({ addressChange, signInLimits, member }: AddressChangeRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  routes.post(
    '/change',
    describe({
      tag,
      summary: 'Change my mail address',
      description:
        'A mail to the new address confirms it, and a notice goes to the present one: the answer is 202, the same for a known and an unknown ' +
        'address. Where no mail can be sent the address is changed at once: 204.',
      answers: { 202: v.object({ status: v.literal('check_mail') }), 204: null },
      errors: ['EMAIL_TAKEN', 'REAUTH_REQUIRED', 'RATE_LIMITED'],
    }),
    member('account.email'),
    body(Wish, maxBytes),
    async (c) => {
      await signInLimits.beforeEmail(c.var.principal);
      const changed = await addressChange.ask(c.var.principal, c.req.valid('json').email, callerOf(c));
      return changed ? c.body(null, 204) : c.json({ status: 'check_mail' }, 202);
    },
  );

  routes.post(
    '/confirm',
    describe({
      tag,
      summary: 'Confirm my new mail address with the token of the mail and the password',
      public: true,
      answers: { 204: null },
      errors: ['UNAUTHENTICATED', 'RATE_LIMITED', 'OVERLOADED'],
    }),
    body(Confirmation, maxBytes),
    async (c) => {
      await signInLimits.beforeToken(c.var.address);
      await addressChange.confirm(c.req.valid('json'), callerOf(c));
      return c.body(null, 204);
    },
  );

  return routes;
}
