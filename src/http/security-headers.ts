/** Headers that keep browsers from doing more with an answer than it was meant for. */
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './env.ts';

/** Our pages load scripts, styles and images of this origin only and run nothing inline. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "media-src 'self'; manifest-src 'self'; worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const dataPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Sets each header unless the route has set it: a script for other sites says `Cross-Origin-Resource-Policy: cross-origin` itself. */
export function securityHeaders(): MiddlewareHandler<AppEnv> {
  return async function setSecurityHeaders(c, next) {
    await next();
    const isPage = (c.res.headers.get('Content-Type') ?? '').startsWith('text/html');
    const defaults: Record<string, string> = {
      'Content-Security-Policy': isPage ? pagePolicy : dataPolicy,
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=()',
      'Strict-Transport-Security': 'max-age=31536000',
    };
    for (const [name, value] of Object.entries(defaults)) if (!c.res.headers.has(name)) c.header(name, value);
  };
}
