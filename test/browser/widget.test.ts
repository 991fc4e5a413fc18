/** The widget in a real browser: conversation, failing network, access for everybody, and the front page. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { frontPage } from '../../src/http/routes/front-page.ts';
import { creator, inlineSite, newestConversation, strictPolicy, type Visit } from './chromium.ts';
import { useStage } from './stage.ts';
import { accessibilityFaults, expectBubbles, expectCount, phone, write } from './steps.ts';

const stage = useStage();
const { open } = stage;

/** A conversation with everything in it. */
async function fullConversation(): Promise<void> {
  const conversation = await newestConversation(stage.server);
  stage.server.say(conversation, 'Good evening.', { at: new Date(Date.now() - 86_400_000).toISOString() });
  stage.server.say(conversation, 'A fixed time helps.', {
    citations: [{ document_id: 'd', title: 'Handbook', chunk_index: 1, page: 12, quote: 'The strongest cue.' }],
  });
  stage.server.say(conversation, 'See https://example.com/call.', { role: 'person' });
  stage.server.say(conversation, 'Shall we?', {
    buttons: [
      { id: 'y', title: 'Yes' },
      { id: 'n', title: 'No' },
    ],
  });
  stage.server.tell(conversation, { type: 'progress', points: 120, streak: 5, milestones: [] });
}

describe('a conversation', () => {
  it('goes both ways, says who it is by zone and language, and shows what was read', async () => {
    stage.server.onMessage = (conversation, frame) => stage.server.say(conversation, `You said ${frame.text}`);
    const visited = await open('/inline');
    await write(visited, 'hello');
    await expectBubbles(visited, ['hello', 'You said hello']);
    const conversation = await newestConversation(stage.server);
    expect(conversation.contact).toEqual({ zone: 'Europe/Lisbon', language: 'en-GB' });
    await expect.poll(() => conversation.reads.at(-1)).toBe(2);
  });

  it('has the newest offer as buttons, which can be used once', async () => {
    const visited = await open('/inline');
    const buttons = [
      { id: 'a', title: 'Early' },
      { id: 'b', title: 'Late' },
    ];
    const conversation = await newestConversation(stage.server);
    await expectCount(visited, '.empty', 1);
    stage.server.say(conversation, 'When?', { buttons });
    stage.server.say(conversation, 'Really?', { buttons });
    await expectCount(visited, '.choice:enabled', 2);
    await visited.chat.locator('.choice:enabled', { hasText: 'Late' }).click();
    await expectCount(visited, '.choice:enabled', 0);
    await expectBubbles(visited, ['When?', 'Really?', 'Late']);
    expect(conversation.messages.at(-1)).toMatchObject({ button: 'b' });
    await visited.page.reload();
    await expectCount(visited, '.choice.chosen', 1);
    await expectCount(visited, '.choice:enabled', 0);
  });

  it('shows the end of a long one, and more of it to whoever scrolls up, without moving what they read', async () => {
    const visited = await open('/inline');
    const conversation = await newestConversation(stage.server);
    await expectCount(visited, '.empty', 1);
    for (let count = 1; count <= 400; count += 1) stage.server.say(conversation, `message ${count}`);
    const log = visited.chat.locator('.log');
    const ends = () => visited.chat.locator('.bubble').evaluateAll((all) => [all[0]?.textContent, all.at(-1)?.textContent]);
    await visited.page.reload();
    await expect.poll(ends).toEqual(['message 251', 'message 400']);
    const place = visited.chat.getByText('message 251', { exact: true });
    await log.evaluate((element) => element.scrollTo(0, 100));
    const before = await place.boundingBox();
    await expect.poll(ends).toEqual(['message 101', 'message 400']);
    expect(Math.abs(((await place.boundingBox())?.y ?? 0) - (before?.y ?? 0))).toBeLessThan(40);
    await log.evaluate((element) => element.scrollTo(0, 0));
    await expect.poll(ends).toEqual(['message 1', 'message 400']);
  });

  it('shows a list in its sections, each row with what it means', async () => {
    const visited = await open('/inline');
    const rows = [
      { id: 'a', title: 'Early', description: 'Before eight' },
      { id: 'b', title: 'Late', description: 'After ten' },
    ];
    const list = { title: 'Times', sections: [{ title: 'Morning', rows }] };
    stage.server.say(await newestConversation(stage.server), 'When?', { buttons: rows.map(({ id, title }) => ({ id, title })), list });
    await expect.poll(() => visited.chat.locator('.offer.list').textContent()).toBe('MorningEarlyBefore eightLateAfter ten');
    expect(await accessibilityFaults(visited)).toEqual([]);
    await visited.chat.getByRole('button', { name: 'Late' }).click();
    await expectBubbles(visited, ['When?', 'Late']);
    await expectCount(visited, '.choice.chosen', 1);
  });

  it('grows a streamed answer in one bubble, then shows its sources, and reads it out once', async () => {
    const visited = await open('/inline');
    await write(visited, 'why?');
    const conversation = await newestConversation(stage.server);
    await expectBubbles(visited, ['why?']);
    stage.server.tell(conversation, { type: 'typing', on: true });
    await expect.poll(() => visited.chat.locator('.dots').isVisible()).toBe(true);
    stage.server.tell(conversation, { type: 'delta', reply: 'r', text: 'Because ', after: 0 });
    stage.server.tell(conversation, { type: 'delta', reply: 'r', text: 'light wakes', after: 8 });
    await expectBubbles(visited, ['why?', 'Because light wakes']);
    expect(await visited.chat.locator('[aria-live=polite]').textContent()).toBe('');
    const citations = [{ document_id: 'd', title: 'Light & sleep', chunk_index: 0, page: 3, quote: 'Light is the strongest cue.' }];
    stage.server.say(conversation, 'Because light wakes us.', { reply: 'r', citations });
    await expectBubbles(visited, ['why?', 'Because light wakes us.']);
    await expect.poll(() => visited.chat.locator('[aria-live=polite]').textContent()).toBe('Coach: Because light wakes us.');
    await visited.chat.locator('summary').click();
    expect(await visited.chat.locator('summary').textContent()).toContain('Light & sleep · page 3');
    await expect.poll(() => visited.chat.locator('blockquote').isVisible()).toBe(true);
  });

  it('interprets nothing but https links', async () => {
    const visited = await open('/inline');
    await write(visited, '<img src=x onerror=alert(1)> http://a.example https://b.example/x?y=1.');
    await expectCount(visited, '.bubble a', 1);
    const link = visited.chat.locator('.bubble a');
    expect(await link.getAttribute('href')).toBe('https://b.example/x?y=1');
    expect(await link.getAttribute('rel')).toContain('noopener');
    await expectCount(visited, '.bubble img', 0);
  });

  it('gives the page its events and lets it speak', async () => {
    const visited = await open('/bubble');
    const heard = await visited.page.evaluate(async () => {
      await customElements.whenDefined('companero-chat');
      const chat = document.querySelector('companero-chat') as HTMLElement & { open(): void; close(): void; send(text: string): void };
      const events: string[] = [];
      for (const name of ['open', 'close', 'message']) document.addEventListener(`companero:${name}`, (event) => events.push(event.type));
      const said = new Promise((resolve) => document.addEventListener('companero:message', resolve, { once: true }));
      chat.open();
      chat.send('from the page');
      await said;
      chat.close();
      return events;
    });
    expect(heard).toEqual(['companero:open', 'companero:message', 'companero:close']);
  });
});

describe('a network that fails', () => {
  it('continues after a reload', async () => {
    const visited = await open('/inline');
    await write(visited, 'one');
    await expectBubbles(visited, ['one']);
    await visited.page.reload();
    await expectBubbles(visited, ['one']);
    await write(visited, 'two');
    await expectBubbles(visited, ['one', 'two']);
    expect(stage.server.conversations).toHaveLength(1);
  });

  it('shows each message once after the server was gone and came back, in order, and keeps what was written meanwhile', async () => {
    const visited = await open('/inline');
    await write(visited, 'before');
    const conversation = await newestConversation(stage.server);
    await expectBubbles(visited, ['before']);
    await stage.server.stop();
    await expect.poll(() => visited.chat.locator('.status').isVisible()).toBe(true);
    expect(await visited.chat.locator('.status').textContent()).toContain('No connection');
    await write(visited, 'while away 1');
    await write(visited, 'while away 2');
    await expectCount(visited, '.row.waiting', 2);
    stage.server.say(conversation, 'said meanwhile');
    await stage.server.start();
    await expectBubbles(visited, ['before', 'said meanwhile', 'while away 1', 'while away 2']);
    await expectCount(visited, '.row.waiting', 0);
    expect(await visited.chat.locator('.status').isVisible()).toBe(false);
    stage.server.dropSockets();
    stage.server.say(conversation, 'after the break');
    await expectBubbles(visited, ['before', 'said meanwhile', 'while away 1', 'while away 2', 'after the break']);
  });

  it('stays open from page to page of a visit until it is closed, without taking the keyboard', async () => {
    const visited = await open('/bubble');
    await visited.chat.locator('.launcher').click();
    await write(visited, 'one');
    await expectBubbles(visited, ['one']);
    await visited.page.reload();
    await expectBubbles(visited, ['one']);
    expect(await visited.page.evaluate(() => document.activeElement?.localName)).toBe('body');
    const other = await visited.page.context().newPage();
    await other.goto(`${stage.server.origin}/bubble`);
    await expect.poll(() => other.locator('companero-chat .launcher').isVisible()).toBe(true);
    expect(await other.locator('companero-chat .panel').isVisible()).toBe(false);
    await visited.chat.getByRole('button', { name: 'Close chat' }).first().click();
    await visited.page.reload();
    await expectCount(visited, '.launcher:visible', 1);
    await expectCount(visited, '.panel:visible', 0);
  });

  it('sends after a reload what was written offline', async () => {
    const visited = await open('/inline');
    await write(visited, 'first');
    await expectBubbles(visited, ['first']);
    await stage.server.stop();
    await write(visited, 'second');
    await expectCount(visited, '.row.waiting', 1);
    await stage.server.start();
    await visited.page.reload();
    await expectBubbles(visited, ['first', 'second']);
    await expectCount(visited, '.row.waiting', 0);
    const conversation = await newestConversation(stage.server);
    expect(conversation.messages.map((message) => message.text)).toEqual(['first', 'second']);
  });

  it('lets a refused message be tried again or discarded', async () => {
    let refusals = 1;
    stage.server.refuse = (frame) => (frame.text === 'bad' || refusals-- > 0 ? 'INVALID_INPUT' : null);
    const visited = await open('/inline');
    await write(visited, 'good');
    await visited.chat.getByRole('button', { name: 'Try again' }).click();
    await expectCount(visited, '.row.delivered', 1);
    await write(visited, 'bad');
    await visited.chat.getByRole('button', { name: 'Discard' }).click();
    await expectBubbles(visited, ['good']);
  });

  it('begins anew, and says so, when the session has ended', async () => {
    const visited = await open('/inline');
    await write(visited, 'old');
    await expectBubbles(visited, ['old']);
    stage.server.dropSockets(4401);
    await expect.poll(() => visited.chat.locator('.status').textContent(), { timeout: 10_000 }).toContain('This is a new one');
    await expectBubbles(visited, []);
    expect(stage.server.conversations).toHaveLength(2);
  });

  it('keeps two tabs in step', async () => {
    const one = await open('/inline');
    await write(one, 'from one');
    await expectBubbles(one, ['from one']);
    const page = await one.page.context().newPage();
    await page.goto(`${stage.server.origin}/inline`);
    const two: Visit = { ...one, page, chat: page.locator('companero-chat') };
    await expectBubbles(two, ['from one']);
    await write(two, 'from two');
    await expectBubbles(one, ['from one', 'from two']);
    await expectBubbles(two, ['from one', 'from two']);
    expect([...(await newestConversation(stage.server)).received.values()]).toEqual([1, 1]);
  });
});

describe('for everybody', () => {
  it('works by the keyboard alone', async () => {
    const visited = await open('/bubble');
    const { page, chat } = visited;
    await chat.locator('.launcher').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const focused = () =>
      page.evaluate(
        () => document.activeElement?.shadowRoot?.activeElement?.className || document.activeElement?.shadowRoot?.activeElement?.localName,
      );
    expect(await focused()).toBe('textarea');
    await page.keyboard.type('line one');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('line two');
    await page.keyboard.press('Enter');
    await expectBubbles(visited, ['line one\nline two']);
    stage.server.say(await newestConversation(stage.server), 'Well?', { buttons: [{ id: 'y', title: 'Yes' }] });
    await expectCount(visited, '.choice', 1);
    await page.keyboard.press('Shift+Tab');
    expect(await focused()).toContain('attach');
    await page.keyboard.press('Shift+Tab');
    expect(await focused()).toBe('choice');
    await page.keyboard.press('Enter');
    await expectCount(visited, '.choice.chosen', 1);
    expect(await focused()).toBe('textarea');
    await page.keyboard.press('Escape');
    expect(await chat.locator('.panel').isVisible()).toBe(false);
    expect(await focused()).toBe('launcher');
  });

  it('counts on the launcher what came while it was closed, also after a reload, until any tab has read it', async () => {
    const visited = await open('/bubble');
    await visited.chat.locator('.launcher').click();
    const conversation = await newestConversation(stage.server);
    await expectCount(visited, '.empty', 1);
    stage.server.say(conversation, 'one');
    await expectBubbles(visited, ['one']);
    await visited.chat.getByRole('button', { name: 'Close chat' }).first().click();
    stage.server.say(conversation, 'two');
    await expect.poll(() => visited.chat.locator('.badge').textContent()).toBe('1');
    expect(await visited.chat.locator('.launcher').getAttribute('aria-label')).toBe('Open chat, 1 unread');
    await visited.page.reload();
    await expect.poll(() => visited.chat.locator('.badge').textContent()).toBe('1');
    const page = await visited.page.context().newPage();
    await page.goto(`${stage.server.origin}/bubble`);
    await page.locator('companero-chat .launcher').click();
    await expect.poll(() => visited.chat.locator('.badge').isVisible()).toBe(false);
  });

  it('fills a phone, without making it zoom', async () => {
    const visited = await open('/bubble', phone);
    await visited.chat.locator('.launcher').click();
    await fullConversation();
    await expectCount(visited, '.choice:enabled', 2);
    expect(await visited.chat.locator('.panel').boundingBox()).toEqual({ x: 0, y: 0, width: 390, height: 780 });
    expect(await visited.chat.locator('textarea').evaluate((field) => getComputedStyle(field).fontSize)).toBe('16px');
    expect(await visited.chat.locator('.log').evaluate((log) => log.scrollWidth > log.clientWidth)).toBe(false);
    await visited.chat.getByRole('button', { name: 'Close chat' }).first().click();
    expect(await visited.chat.locator('.panel').isVisible()).toBe(false);
  });

  it('runs from right to left in a language that does', async () => {
    stage.server.pages.set('/rtl', { html: inlineSite('language="ar"') });
    const visited = await open('/rtl');
    await expect.poll(() => visited.chat.locator('textarea').getAttribute('placeholder')).toBe('اكتب رسالة');
    await write(visited, 'مرحبا');
    await expectBubbles(visited, ['مرحبا']);
    const own = await visited.chat.locator('.bubble').boundingBox();
    const log = await visited.chat.locator('.log').boundingBox();
    expect((own?.x ?? 0) - (log?.x ?? 0)).toBeLessThan(30);
  });

  it('speaks the language of the browser', async () => {
    const visited = await open('/inline', { locale: 'pt-BR' });
    await expect.poll(() => visited.chat.locator('textarea').getAttribute('placeholder')).toBe('Escreva uma mensagem');
  });

  it.each([
    ['inline, light', '/inline', {}],
    ['inline, dark', '/inline', { colorScheme: 'dark' as const }],
    ['as a bubble on a phone', '/bubble', phone],
  ])('has no fault axe can find: %s', async (_, path, options) => {
    const visited = await open(path, options);
    if (path === '/bubble') await visited.chat.locator('.launcher').click();
    await fullConversation();
    await expectCount(visited, '.choice:enabled', 2);
    await visited.chat.locator('summary').click();
    await write(visited, 'thanks');
    await expectCount(visited, '.row.mine.delivered', 1);
    expect(await accessibilityFaults(visited)).toEqual([]);
  });
});

describe('the front page', () => {
  it.each([creator, null])('works under its own policy and has no fault axe can find, for creator %s', async (creatorId) => {
    const css = readFileSync(new URL('../../web/page/page.css', import.meta.url), 'utf8');
    const headers = { 'content-security-policy': strictPolicy.replace("img-src 'self'", "img-src 'self' data:") };
    stage.server.pages.set('/', { html: String(await frontPage({ origin: stage.server.origin, creatorId })), headers });
    stage.server.pages.set('/page.css', { html: css, headers: { 'content-type': 'text/css' } });
    const visited = await open('/');
    if (creatorId !== null) {
      await write(visited, 'hello');
      await expectBubbles(visited, ['hello']);
    }
    expect(await accessibilityFaults(visited)).toEqual([]);
  });
});
