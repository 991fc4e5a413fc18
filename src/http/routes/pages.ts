/** The pages a browser opens: the front page at `/`, its style sheet, and the widget's script and words. */
import { Hono } from 'hono';
import { setChatPageHeaders } from '../chat-page-headers.ts';
import type { AppEnv } from '../env.ts';
import { type StaticFile, serveFiles } from '../static-files.ts';
import { frontPage } from './front-page.ts';

/** What the pages need from outside. */
export interface PagesDeps {
  /** The creator whose widget the front page shows; null when there is none yet. */
  demoCreatorId: () => Promise<string | null>;
  /** Where browsers reach this server, as in `https://coach.example`. Default: the origin of the request, which is wrong behind a proxy. */
  publicOrigin?: string;
  /** Where `npm run build:web` puts the widget. Default: `dist/web/` of this repository. */
  builtFolder?: URL;
}

/** Languages of which the widget fetches its words; its script brings the English ones. */
const widgetLanguages = ['ar', 'de', 'es', 'fr', 'he', 'pt'];

/**
 * `GET /`, `GET /page.css`, `GET /widget.js`, `GET /widget-questions.js` and `GET /widget/words/{language}.json`, all public.
 *
 * @throws AppError UNAVAILABLE when the widget has not been built
 */
export function pagesRoutes(deps: PagesDeps): Hono<AppEnv> {
  const built = deps.builtFolder ?? new URL('../../../dist/web/', import.meta.url);
  const files: Record<string, StaticFile> = {
    '/widget.js': { url: new URL('widget.js', built), type: 'text/javascript; charset=utf-8', shared: true },
    '/widget-questions.js': { url: new URL('widget-questions.js', built), type: 'text/javascript; charset=utf-8', shared: true },
    '/page.css': { url: new URL('../../../web/page/page.css', import.meta.url), type: 'text/css; charset=utf-8' },
  };
  for (const language of widgetLanguages) {
    const url = new URL(`../../../web/widget/words/${language}.json`, import.meta.url);
    files[`/widget/words/${language}.json`] = { url, type: 'application/json', shared: true };
  }
  const routes = new Hono<AppEnv>();
  serveFiles(routes, files);
  routes.get('/', async (context) => {
    const creatorId = await deps.demoCreatorId();
    setChatPageHeaders(context);
    return context.html(frontPage({ origin: deps.publicOrigin ?? new URL(context.req.url).origin, creatorId }));
  });
  return routes;
}
