/** The page with nothing but a chat: how it fits, and how it tells of messages while it is closed. */

import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { publicConfig, VersionedSettings } from '../../src/channels/widget-settings.ts';
import { chatPageRoutes } from '../../src/http/routes/chat-page.ts';
import { creator, newestConversation, type Visit } from './chromium.ts';
import { useStage } from './stage.ts';
import { accessibilityFaults, expectBubbles, expectCount, phone, write } from './steps.ts';

const config = publicConfig(v.parse(VersionedSettings, { version: 1, texts: { title: 'Ana' } }));
const stage = useStage();
const path = `/c/${creator}`;

/** Puts the page and what it loads on the stand-in, as the server answers them. */
async function open(options: Parameters<typeof stage.open>[1] = {}): Promise<Visit> {
  const routes = chatPageRoutes({ configOf: async () => config });
  for (const asked of [path, `${path}/manifest.json`, '/c/chat.css', '/c/chat.js', '/c/worker.js']) {
    const answer = await routes.request(asked);
    stage.server.pages.set(asked, { html: await answer.text(), headers: Object.fromEntries(answer.headers) });
  }
  return stage.open(path, options);
}

/** Stands for the browser's push service, which no test reaches. */
const pushService = () => {
  const subscription = {
    endpoint: 'https://push.example/1',
    toJSON: () => ({ endpoint: subscription.endpoint, expirationTime: null, keys: { p256dh: 'B', auth: 'A' } }),
    unsubscribe: async () => true,
  };
  PushManager.prototype.subscribe = async () => subscription as unknown as PushSubscription;
};

it.each([
  ['a desk', { viewport: { width: 1024, height: 720 } }],
  ['a phone', phone],
  ['a desk at night', { colorScheme: 'dark' }],
] as const)('holds a conversation on %s', async (_, options) => {
  const visited = await open(options);
  await write(visited, 'hello');
  await expectBubbles(visited, ['hello']);
  const room = await visited.chat.boundingBox();
  const height = visited.page.viewportSize()?.height ?? 0;
  expect((room?.y ?? 0) + (room?.height ?? 0)).toBeLessThanOrEqual(height);
  expect(room?.height).toBeGreaterThan(height * 0.8);
  expect(await accessibilityFaults(visited)).toEqual([]);
});

describe('telling of messages', () => {
  it('is turned on and off by the person, and the server is told', async () => {
    const visited = await open({ permissions: ['notifications'] });
    await visited.page.addInitScript(pushService);
    await visited.page.reload();
    const button = visited.page.getByRole('button', { name: 'Tell me of new messages' });
    await expectCount(visited, '.empty', 1);
    await button.click();
    await expect.poll(() => button.getAttribute('aria-pressed')).toBe('true');
    expect(await accessibilityFaults(visited)).toEqual([]);
    await button.click();
    await expect.poll(() => button.getAttribute('aria-pressed')).toBe('false');
    expect(stage.server.subscriptions).toEqual([
      'POST {"endpoint":"https://push.example/1","expirationTime":null,"keys":{"p256dh":"B","auth":"A"}}',
      'DELETE {"endpoint":"https://push.example/1"}',
    ]);
  });

  it('is not offered to whoever has refused it', async () => {
    const visited = await open();
    await visited.page.addInitScript(() => Object.defineProperty(Notification, 'permission', { value: 'denied' }));
    await visited.page.reload();
    await visited.page.locator('#notify:not(:empty)').waitFor({ state: 'attached' });
    expect(await visited.page.locator('#notify').isVisible()).toBe(false);
  });

  it('shows a notice with words of the page for a push, and none while the page is seen', async () => {
    const visited = await open({ permissions: ['notifications'] });
    const { page } = visited;
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.getByRole('button', { name: 'Tell me of new messages' }).waitFor();
    const push = { type: 'message', creator_id: creator, conversation_id: (await newestConversation(stage.server)).sessionId, seq: 1 };
    const notices = () =>
      page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready;
        return (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }));
      });
    const hear = await pushTo(visited);
    await hear(JSON.stringify(push));
    expect(await notices()).toEqual([]);
    await page.goto(`${stage.server.origin}/c/chat.css`);
    await hear(JSON.stringify(push));
    await page.goto(`${stage.server.origin}/inline`);
    await expect
      .poll(() =>
        page.evaluate(async () => {
          const registration = await navigator.serviceWorker.getRegistration('/c/');
          return (await registration?.getNotifications())?.map(({ title, body, tag }) => ({ title, body, tag }));
        }),
      )
      .toEqual([{ title: 'Ana', body: 'You have a new message', tag: push.conversation_id }]);
  });
});

/** Delivers a push to the page's worker as the browser does. */
async function pushTo({ page }: Visit): Promise<(data: string) => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  const known = new Promise<string>((resolve) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      if (registrations[0] !== undefined) resolve(registrations[0].registrationId);
    });
  });
  await session.send('ServiceWorker.enable');
  const registrationId = await known;
  return async (data) => {
    await session.send('ServiceWorker.deliverPushMessage', { origin: stage.server.origin, registrationId, data });
  };
}
