/** The real server and the real widget together: the demo's whole week, a kill in mid-answer, and host pages of other origins. */
import { expect, test } from 'vitest';
import { dataFolder, startServer } from '../acceptance/server-process.ts';
import { startOllama } from '../support/ollama.ts';
import { bubbles, type Visit } from './chromium.ts';
import { useBrowser, type VisitOptions } from './stage.ts';
import { accessibilityFaults, expectBubbles, phone, photograph, write } from './steps.ts';

const openPage = useBrowser();
const open = (origin: string, options?: VisitOptions, path = '/') => openPage(origin, path, options);

/** Waits until a bubble has these words; gives all bubbles. */
async function untilSaid({ chat }: Visit, words: string, timeout = 20_000): Promise<void> {
  await expect.poll(async () => (await bubbles(chat)).some((text) => text.includes(words)), { timeout }).toBe(true);
}

async function answerTime({ chat }: Visit, time: string): Promise<void> {
  await chat.locator('.asking input[type=time]').fill(time);
  await chat.locator('.asking input').press('Enter');
}

test('a person follows the demo for its whole week', { timeout: 180_000 }, async () => {
  const server = await startServer({ DATA_DIR: await dataFolder(), CLOCK_RATE: '30000' });
  const visited = await open(server.origin);
  const { chat, page } = visited;
  await untilSaid(visited, 'When do you want to get up?');
  await answerTime(visited, '07:00');
  await untilSaid(visited, '07:00');

  let reloads = 0;
  const nights = async () => (await bubbles(chat)).filter((text) => text.startsWith('Well done')).length;
  const isOver = async () => (await bubbles(chat)).includes('Seven nights. You did it.');
  await expect
    .poll(
      async () => {
        const offered = chat.locator('.choice:enabled', { hasText: 'Good' });
        if ((await offered.count()) > 0) await offered.first().click();
        if ((await nights()) === 3 && reloads++ === 0) await page.reload();
        return isOver();
      },
      { timeout: 120_000, interval: 100 },
    )
    .toBe(true);

  expect(await nights()).toBe(7);
  await expect.poll(() => chat.locator('.progress').textContent()).toMatch(/\d+ points · \d-day streak/);
  const shown = await bubbles(chat);
  const earned = await chat.locator('.progress').textContent();
  await page.reload();
  await expectBubbles(visited, shown);
  await expect.poll(() => chat.locator('.progress').textContent()).toBe(earned);
  expect(await chat.locator('.choice:enabled').count()).toBe(0);
  await server.stop();
});

test('an answer comes with its sources, on a desk and on a phone', async () => {
  const server = await startServer({ DATA_DIR: await dataFolder() });
  const creator = /Demo creator\s+(\S+)/.exec(server.output())?.[1];
  for (const [name, options, path] of [
    ['desktop', { viewport: { width: 1240, height: 800 } }, '/'],
    ['phone', { ...phone, deviceScaleFactor: 2 }, `/c/${creator}`],
  ] as const) {
    const visited = await open(server.origin, options, path);
    const { chat, page } = visited;
    await untilSaid(visited, 'When do you want to get up?');
    await answerTime(visited, '06:45');
    await write(visited, 'When should I have my last coffee?');
    await expect.poll(() => chat.locator('summary').count(), { timeout: 20_000 }).toBeGreaterThan(0);
    await chat.locator('summary').first().click();
    expect(await chat.locator('blockquote').first().textContent()).toContain('eight hours before bed');
    expect(await accessibilityFaults(visited)).toEqual([]);
    await chat.evaluate((element) => element.scrollIntoView({ block: 'center' }));
    await photograph(page, name);
  }
  await server.stop();
});

test('killed in the middle of an answer and started again, it shows each message once', async () => {
  const DATA_DIR = await dataFolder();
  const ollama = await startOllama({ fault: 'stalls', reply: () => 'Have it before two in the afternoon [1].' });
  const environment = { DATA_DIR, OLLAMA_URL: ollama.url, OLLAMA_CHAT_MODEL: 'test-chat' };
  const server = await startServer(environment);
  const visited = await open(server.origin);
  const { chat } = visited;
  await untilSaid(visited, 'When do you want to get up?');
  await answerTime(visited, '07:00');
  await write(visited, 'When should I have my last coffee?');
  await expect.poll(() => chat.locator('.row.stream').count(), { timeout: 20_000 }).toBe(1);
  await server.kill();
  await expect.poll(() => chat.locator('.status').isVisible(), { timeout: 20_000 }).toBe(true);
  await write(visited, 'And tea?');
  ollama.setFault(null);
  const again = await startServer({ ...environment, PORT: new URL(server.origin).port });
  await expect.poll(() => chat.locator('.row.waiting').count(), { timeout: 40_000 }).toBe(0);
  // Both questions may be answered in one or one after the other: what is said last is an answer.
  await expect.poll(() => chat.locator('.row').last().locator('.sources').count(), { timeout: 40_000 }).toBe(1);
  await expect.poll(() => chat.locator('.status').isVisible()).toBe(false);

  const shown = await bubbles(chat);
  for (const words of ['07:00', 'When should I have my last coffee?', 'And tea?'])
    expect(shown.filter((text) => text === words)).toHaveLength(1);
  await visited.page.reload();
  await expectBubbles(visited, shown);
  await again.stop();
});
