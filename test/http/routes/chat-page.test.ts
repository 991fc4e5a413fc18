import { expect, it } from 'vitest';
import { publicConfig } from '../../../src/channels/widget-settings.ts';
import { chatPageRoutes } from '../../../src/http/routes/chat-page.ts';
import { settingsOf } from '../../../src/http/routes/widget.ts';
import { systemIds } from '../../../src/ids.ts';
import { saveWidgetSettings } from '../../../src/store/widget-settings.ts';
import { testCreator, testDatabase } from '../../support/database.ts';

const database = await testDatabase();
const routes = chatPageRoutes({ configOf: async (creatorId) => publicConfig(await settingsOf(database, creatorId)) });

it("is a creator's chat under its own title, with nothing inline", async () => {
  const creatorId = await testCreator(database);
  const settings = { texts: { title: 'Ana & <Rui>' }, avatar: 'https://ana.example/me.png' };
  await database.tenant(creatorId, (sql) => saveWidgetSettings(sql, creatorId, settings));
  const page = await routes.request(`/c/${creatorId}`);
  const text = await page.text();
  expect(page.headers.get('content-security-policy')).toContain("worker-src 'self'");
  expect(page.headers.get('permissions-policy')).toContain('microphone=(self)');
  expect(text).toContain('<title>Ana &amp; &lt;Rui&gt;</title>');
  expect(text).toContain(`<companero-chat creator="${creatorId}" mode="inline">`);
  expect(text).not.toMatch(/<script>|style=|onclick=/);
  const manifest = await routes.request(`/c/${creatorId}/manifest.json`);
  expect(manifest.headers.get('content-type')).toBe('application/manifest+json');
  expect(await manifest.json()).toMatchObject({
    name: 'Ana & <Rui>',
    start_url: `/c/${creatorId}`,
    icons: [{ src: 'https://ana.example/me.png' }],
  });
});

it.each(['chat.css', 'chat.js', 'worker.js'])('has its %s beside it', async (name) => {
  expect((await routes.request(`/c/${name}`)).status).toBe(200);
});

it.each([systemIds.uuid(), 'nobody', '..'])('is not there for %s', async (id) => {
  for (const path of [`/c/${id}`, `/c/${id}/manifest.json`]) expect((await routes.request(path)).status).not.toBe(200);
});
