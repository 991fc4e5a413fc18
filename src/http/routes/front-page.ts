/** The front page as HTML: what the product is, the widget to try, and how to put it on a site. */
import { html, raw } from 'hono/html';

/** What the front page shows. */
export interface FrontPage {
  /** The server's own origin, as in `https://coach.example`. */
  origin: string;
  /** The creator whose widget is shown; null when nobody has registered. */
  creatorId: string | null;
}

type Html = ReturnType<typeof html>;

/** The page. Values are escaped; there is no inline script or style, so that it works under a strict content policy. */
export function frontPage({ origin, creatorId }: FrontPage): Html {
  return html`${raw('<!doctype html>')}
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
    <meta name="color-scheme" content="light dark">
    <meta name="description" content="A conversation server for proactive coaching.">
    <title>Compañero</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/page.css">
  </head>
  <body>
    <header class="bar">
      <a class="name" href="/">Compañero</a>
      <nav aria-label="Documentation"><a href="/docs">API</a><a href="/openapi.json">OpenAPI</a></nav>
    </header>
    <main>
      <section class="intro">
        <h1>Coaching that keeps in touch.</h1>
        <p>Compañero runs a coach’s programs as conversations: it greets, asks, reminds and follows up, on a website, WhatsApp or Telegram.
        It answers from the coach’s own documents with the sources beside it, and never loses or repeats a step.</p>
        ${creatorId === null ? registerSteps(origin) : embedSteps(origin, creatorId)}
      </section>
      ${creatorId === null ? '' : demoChat(creatorId)}
    </main>
  </body>
</html>`;
}

function demoChat(creatorId: string): Html {
  return html`<section class="demo" aria-label="Try it">
        <companero-chat creator="${creatorId}" mode="inline"></companero-chat>
        <noscript><p>The chat needs JavaScript.</p></noscript>
        <script src="/widget.js" defer></script>
      </section>`;
}

function embedSteps(origin: string, creatorId: string): Html {
  return html`<h2>Put it on your site</h2>
        <p>One tag, anywhere in the page. Click it to select.</p>
        <pre tabindex="0"><code>&lt;script src="${origin}/widget.js"
  data-creator="${creatorId}" async&gt;&lt;/script&gt;</code></pre>
        <p class="actions"><a class="button" href="/docs">Read the API</a><a href="/openapi.json">OpenAPI 3.1</a></p>`;
}

function registerSteps(origin: string): Html {
  const command = `curl -X POST ${origin}/api/v1/auth/register \\
  -H 'content-type: application/json' \\
  -d '{"email": "you@example.com",
       "password": "a long passphrase",
       "display_name": "Your name"}'`;
  return html`<h2>Start here</h2>
        <p>Nobody has registered on this server yet. This makes your workspace and answers with your access token:</p>
        <pre tabindex="0"><code>${command}</code></pre>
        <p class="actions"><a class="button" href="/docs">Read the API</a><a href="/openapi.json">OpenAPI 3.1</a></p>`;
}
