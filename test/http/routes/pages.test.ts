/** The front page and the widget script as a browser asks for them. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { pagesRoutes } from '../../../src/http/routes/pages.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pages-'));
  await writeFile(join(folder, 'widget.js'), 'first');
});
afterAll(() => rm(folder, { recursive: true }));

const routes = (creatorId: string | null = 'c1') =>
  pagesRoutes({ demoCreatorId: () => Promise.resolve(creatorId), builtFolder: pathToFileURL(`${folder}/`) });

it('gives every site the words of each language', async () => {
  for (const name of await readdir('web/widget/words')) {
    const answer = await routes().request(`/widget/words/${name}`);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(await answer.text()).toBe(await readFile(`web/widget/words/${name}`, 'utf8'));
  }
  expect((await routes().request('/widget/words/xx.json')).status).toBe(404);
});

describe('GET /widget.js', () => {
  it('is revalidated by its tag and may be loaded by other sites', async () => {
    const app = routes();
    const first = await app.request('/widget.js');
    expect(first.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(first.headers.get('cache-control')).toBe('no-cache');
    expect(first.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    const tag = first.headers.get('etag') ?? '';
    for (const header of [tag, `W/${tag}`, `"other", ${tag}`]) {
      expect((await app.request('/widget.js', { headers: { 'if-none-match': header } })).status).toBe(304);
    }
    expect((await app.request('/widget.js', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  it('travels gzipped to whoever takes that', async () => {
    const ask = (accepted: string) => routes().request('/widget.js', { headers: { 'accept-encoding': accepted } });
    const packed = await ask('br, gzip;q=0.8');
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(packed.headers.get('vary')).toBe('accept-encoding');
    expect(gunzipSync(new Uint8Array(await packed.arrayBuffer())).toString()).toBe('first');
    const plain = await ask('br, gzip;q=0');
    expect([plain.headers.get('content-encoding'), await plain.text()]).toEqual([null, 'first']);
    expect(plain.headers.get('etag')).not.toBe(packed.headers.get('etag'));
  });

  it('gives a new build to the next request', async () => {
    const app = routes();
    const first = await app.request('/widget.js');
    await new Promise((resolve) => setTimeout(resolve, 5));
    await writeFile(join(folder, 'widget.js'), 'second');
    const second = await app.request('/widget.js', { headers: { 'if-none-match': first.headers.get('etag') ?? '' } });
    expect(await second.text()).toBe('second');
  });

  it('is UNAVAILABLE with a way out before the build', async () => {
    const app = pagesRoutes({ demoCreatorId: () => Promise.resolve(null), builtFolder: pathToFileURL(`${folder}/missing/`) });
    let error: unknown;
    app.onError((thrown, context) => {
      error = thrown;
      return context.text('', 503);
    });
    await app.request('/widget.js');
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('npm run build:web') });
  });
});

describe('GET /', () => {
  it('shows the demo creator and the tag to copy, with nothing inline', async () => {
    const answer = await routes('0192').request('https://coach.example/');
    const page = await answer.text();
    expect(page).toContain('<companero-chat creator="0192" mode="inline">');
    expect(page).toContain('&lt;script src="https://coach.example/widget.js"');
    expect(page).not.toMatch(/ style=|<style|<script>|\son\w+=/);
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'self'");
  });

  it('escapes what it is given', async () => {
    const page = await (await routes('"><script>x</script>').request('/')).text();
    expect(page).not.toContain('<script>x');
  });

  it('says how to register while there is no creator', async () => {
    const page = await (await routes(null).request('https://coach.example/')).text();
    expect(page).toContain('curl -X POST https://coach.example/api/v1/auth/register');
    expect(page).not.toContain('companero-chat');
  });

  it('has its style sheet', async () => {
    const sheet = await routes().request('/page.css');
    expect(sheet.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(await sheet.text()).toContain('--accent');
  });
});
