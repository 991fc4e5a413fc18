/** Files both ways, controls for open questions, and what a creator configures, in a real browser. */
import { describe, expect, it } from 'vitest';
import { mediaKindOf } from '../../src/media/kind.ts';
import { newestConversation, type Visit } from './chromium.ts';
import { useStage } from './stage.ts';
import { accessibilityFaults, expectBubbles, expectCount, phone, write } from './steps.ts';

/** A picture of one pixel. */
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

const stage = useStage();
const { open } = stage;

async function choose({ chat }: Visit, name: string, mimeType: string, buffer: Buffer): Promise<void> {
  await chat.locator('input[type=file]').setInputFiles({ name, mimeType, buffer });
}

/** The width of a picture as loaded; 0 while it is not there. */
const loadedWidth = ({ chat }: Visit) => chat.locator('.media img').evaluate((picture) => (picture as HTMLImageElement).naturalWidth);

describe('files', () => {
  it('are chosen, taken back, sent without words, and seen by both sides', async () => {
    const visited = await open('/inline');
    await choose(visited, 'wrong.png', 'image/png', png);
    await visited.chat.getByRole('button', { name: 'Remove wrong.png' }).click();
    await choose(visited, 'me.png', 'image/png', png);
    await expectCount(visited, '.file:not(.pending)', 1);
    await visited.chat.getByRole('button', { name: 'Send' }).click();
    await expectCount(visited, '.row.mine.delivered .media img', 1);
    await expect.poll(() => loadedWidth(visited)).toBe(1);
    await expectCount(visited, '.file', 0);
    expect((await newestConversation(stage.server)).messages).toMatchObject([{ text: '', attachments: [{ name: 'me.png' }] }]);
    await visited.page.reload();
    await expect.poll(() => loadedWidth(visited)).toBe(1);
    expect(await accessibilityFaults(visited)).toEqual([]);
  });

  it('are made smaller when they are photographs', async () => {
    const visited = await open('/inline');
    const big = await visited.page.evaluate(async () => {
      const canvas = new OffscreenCanvas(4000, 1000);
      canvas.getContext('2d')?.fillRect(0, 0, 10, 10);
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg' })).arrayBuffer());
      return Array.from(bytes);
    });
    await choose(visited, 'big.jpg', 'image/jpeg', Buffer.from(big));
    await expectCount(visited, '.file:not(.pending)', 1);
    await visited.chat.getByRole('button', { name: 'Send' }).click();
    await expect.poll(() => loadedWidth(visited)).toBe(2048);
  });

  it('get a new link when the old one has run out, and stay a link where pictures may not be shown', async () => {
    const visited = await open('/inline');
    const conversation = await newestConversation(stage.server);
    stage.server.files.set('p', { name: 'p.png', type: 'image/png', bytes: new Uint8Array(png) });
    stage.server.expired.add('p');
    const file = { id: 'p', kind: 'image', type: 'image/png', name: 'p.png', bytes: png.byteLength, url: '/files/p?signed' };
    stage.server.say(conversation, 'Look', { attachments: [file] });
    await expect.poll(() => loadedWidth(visited)).toBe(1);
    stage.server.say(conversation, 'Gone', { attachments: [{ ...file, id: 'gone', name: 'gone.png', url: '/files/gone?signed' }] });
    await expect.poll(() => visited.chat.locator('a.media', { hasText: 'gone.png' }).count()).toBe(1);
  });

  it('of the coach are played, shown or downloaded by their kind', async () => {
    const visited = await open('/inline');
    const conversation = await newestConversation(stage.server);
    stage.server.files.set('d', { name: 'plan.pdf', type: 'application/pdf', bytes: new Uint8Array(Buffer.from('%PDF-1.4')) });
    const file = { id: 'd', kind: 'file', type: 'application/pdf', name: 'plan.pdf', bytes: 1_200_000, url: '/files/d?signed' };
    stage.server.say(conversation, 'Your plan', { attachments: [file] });
    stage.server.say(conversation, 'Breathe', { attachments: [{ ...file, kind: 'audio', name: 'breathe.mp3' }] });
    await expectCount(visited, 'audio[aria-label="breathe.mp3"], a.media:has-text("breathe.mp3")', 1);
    expect(await visited.chat.locator('a.media').first().textContent()).toBe('plan.pdf · 1,200 kB');
    const [download] = await Promise.all([visited.page.waitForEvent('download'), visited.chat.locator('a.media').first().click()]);
    expect(download.url()).toContain('/files/d');
  });

  it('that are refused say so by name', async () => {
    const visited = await open('/inline');
    await write(visited, 'hello');
    await expectBubbles(visited, ['hello']);
    (await newestConversation(stage.server)).token = 'another';
    await choose(visited, 'late.png', 'image/png', png);
    await expect.poll(() => visited.chat.locator('.file.failed').textContent()).toContain('late.png: Not sent');
  });
});

describe('an open question', () => {
  const fill = (value: string) => async (visited: Visit) => {
    await visited.chat.locator('.asking input').fill(value);
    await visited.chat.locator('.asking input').press('Enter');
  };
  const press = (name: string) => (visited: Visit) => visited.chat.locator('.asking').getByRole('button', { name }).click();
  const options = [
    { id: 'walk', title: 'Walk' },
    { id: 'tea', title: 'Tea' },
    { id: 'rest', title: 'Rest' },
  ];

  it.each([
    [{ type: 'time' }, fill('06:30'), '06:30'],
    [{ type: 'date' }, fill('2026-12-24'), '2026-12-24'],
    [{ type: 'number', min: 30, max: 250, unit: 'kg' }, fill('71.5'), '71.5'],
    [{ type: 'scale', min: 1, max: 5, labels: { 1: 'Poor', 5: 'Great' } }, press('4'), '4'],
    [{ type: 'mood' }, press('🙂 Good'), '🙂 Good'],
    [{ type: 'yesNo' }, press('👍 Yes'), '👍 Yes'],
  ] as const)('of %j has its control, which answers once', async (input, act, answer) => {
    const visited = await open('/inline');
    stage.server.say(await newestConversation(stage.server), 'Tell me', { input });
    await expectCount(visited, '.asking:visible', 1);
    expect(await accessibilityFaults(visited)).toEqual([]);
    await act(visited);
    await expectBubbles(visited, ['Tell me', answer]);
    await expectCount(visited, '.asking:visible', 0);
  });

  it('of several choices takes as many as it asks for', async () => {
    const visited = await open('/inline');
    const asked = { text: 'Which?', input: { type: 'choices', options, min: 2 }, buttons: options };
    stage.server.say(await newestConversation(stage.server), 'Which?', asked);
    await press('Walk')(visited);
    expect(await visited.chat.locator('.asking .send').isDisabled()).toBe(true);
    await press('Rest')(visited);
    await press('Send')(visited);
    await expectBubbles(visited, ['Which?', 'Walk, Rest']);
    await expectCount(visited, '.row .choice', 0);
  });

  it('leaves the message that asks in sight, on a small phone too', async () => {
    const visited = await open('/inline', { ...phone, viewport: { width: 320, height: 568 } });
    const conversation = await newestConversation(stage.server);
    for (let n = 0; n < 6; n++) stage.server.say(conversation, `A message of some words, the ${n}th of them`);
    const many = Array.from({ length: 6 }, (_, n) => ({ id: `o${n}`, title: `A way of resting, by the number ${n}` }));
    stage.server.say(conversation, 'Which ones?', { input: { type: 'choices', options: many } });
    await expectCount(visited, '.asking .choice:visible', 6);
    const hidden = () =>
      visited.chat
        .locator('.log')
        .evaluate(
          (log) => (log.querySelector('.row:last-child')?.getBoundingClientRect().bottom as number) - log.getBoundingClientRect().bottom,
        );
    await expect.poll(hidden).toBeLessThanOrEqual(0);
    stage.server.say(conversation, 'How heavy?', { input: { type: 'number', unit: 'kilograms' } });
    await expectCount(visited, '.asking form:visible', 1);
    expect(
      await visited.chat
        .locator('.panel')
        .evaluate(
          (panel) => (panel.querySelector('.asking .send')?.getBoundingClientRect().right as number) <= panel.getBoundingClientRect().right,
        ),
    ).toBe(true);
  });

  it('that takes room in the frame somebody scrolls in does not count as scrolling away', async () => {
    const visited = await open('/inline', phone);
    const conversation = await newestConversation(stage.server);
    for (let n = 0; n < 20; n++) stage.server.say(conversation, `A message of some words, the ${n}th of them`);
    await expectBubbles(
      visited,
      Array.from({ length: 20 }, (_, n) => `A message of some words, the ${n}th of them`),
    );
    const log = visited.chat.locator('.log');
    const below = () => log.evaluate((element) => Math.round(element.scrollHeight - element.clientHeight - element.scrollTop));
    await expect.poll(below).toBe(0);
    // The browser tells of a scroll at its next frame: by then the log has become smaller.
    await log.evaluate((element) => {
      element.scrollTop -= 10;
      (element.parentElement as HTMLElement).style.marginBottom = '170px';
    });
    await expect.poll(below).toBe(0);
    await log.evaluate((element) => {
      element.scrollTop -= 200;
    });
    stage.server.say(conversation, 'Which ones?');
    await expectCount(visited, '.latest:visible', 1);
    expect(await below()).toBeGreaterThan(100);
  });

  it('of a scale says what its steps mean, below them where only some mean something', async () => {
    const visited = await open('/inline');
    const conversation = await newestConversation(stage.server);
    const meant = async (max: number, labels: object) => {
      stage.server.say(conversation, 'How much?', { input: { type: 'scale', min: 1, max, labels } });
      await expectCount(visited, '.asking .choice', max);
      return [
        await visited.chat.locator('.asking .choice').allInnerTexts(),
        await visited.chat.locator('.asking .ends small').allInnerTexts(),
      ];
    };
    expect(await meant(2, { 1: 'No', 2: 'Yes' })).toEqual([['1\nNo', '2\nYes'], []]);
    expect(await meant(5, { 1: 'Not at all', 3: 'Somewhat', 5: 'Completely' })).toEqual([
      ['1', '2', '3', '4', '5'],
      ['Not at all', 'Somewhat', 'Completely'],
    ]);
    expect(await meant(4, { 2: 'Some' })).toEqual([['1', '2\nSome', '3', '4'], []]);
  });

  it('can always be answered in free words', async () => {
    const visited = await open('/inline', phone);
    stage.server.say(await newestConversation(stage.server), 'When?', { input: { type: 'time' } });
    await expectCount(visited, '.asking:visible', 1);
    await write(visited, 'half past six');
    await expectBubbles(visited, ['When?', 'half past six']);
    await expectCount(visited, '.asking:visible', 0);
  });

  it.each([
    ['image', 'Choose a picture: Tell me', 'image/*'],
    ['file', 'Choose a file: Tell me', 'image/*,audio/*,video/*,.pdf,.txt'],
  ])('for a file (%s) opens the chooser, and is answered when the file is sent', async (type, name, accept) => {
    const visited = await open('/inline', phone);
    stage.server.say(await newestConversation(stage.server), 'Tell me', { input: { type } });
    expect(await accessibilityFaults(visited)).toEqual([]);
    const [chooser] = await Promise.all([visited.page.waitForEvent('filechooser'), press(name)(visited)]);
    expect(await chooser.element().getAttribute('accept')).toBe(accept);
    await chooser.setFiles({ name: 'me.png', mimeType: 'image/png', buffer: png });
    await expectCount(visited, '.file:not(.pending)', 1);
    await visited.chat.locator('textarea').press('Enter');
    await expectCount(visited, '.row.mine.delivered .media img', 1);
    await expectCount(visited, '.asking:visible', 0);
  });

  it('for a voice note records one, which can be heard', async () => {
    const visited = await open('/inline', { permissions: ['microphone'] });
    stage.server.say(await newestConversation(stage.server), 'Tell me', { input: { type: 'voice' } });
    await press('Record a voice note: Tell me')(visited);
    await expect.poll(() => visited.chat.locator('.recording + time').textContent(), { timeout: 5_000 }).toBe('0:01');
    expect(await accessibilityFaults(visited)).toEqual([]);
    await press('Stop recording: Tell me')(visited);
    await expectCount(visited, '.file:not(.pending)', 1);
    await visited.chat.getByRole('button', { name: 'Send' }).click();
    await expectCount(visited, '.row.mine.delivered audio', 1);
    await expectCount(visited, '.asking:visible', 0);
    const [note] = stage.server.files.values();
    expect(mediaKindOf(note?.bytes ?? new Uint8Array())).toMatchObject({ kind: 'audio' });
  });

  it('for a voice note takes a file where there is no microphone', async () => {
    const visited = await open('/inline');
    stage.server.say(await newestConversation(stage.server), 'Tell me', { input: { type: 'voice' } });
    await press('Record a voice note: Tell me')(visited);
    await expectCount(visited, '.asking button[aria-label="Choose a file: Tell me"]', 1);
  });

  it('for a place is answered with the place, once the person allows it', async () => {
    const visited = await open('/inline', { permissions: ['geolocation'], geolocation: { latitude: 38.7223, longitude: -9.1393 } });
    stage.server.say(await newestConversation(stage.server), 'Where?', { input: { type: 'location' } });
    await press('Share my location: Where?')(visited);
    await expectBubbles(visited, ['Where?', '38.72230, -9.13930']);
  });

  it('is answered in words where its control cannot be fetched', async () => {
    const visited = await open('/bubble');
    await visited.page.route('**/widget-questions.js', (route) => route.abort());
    await visited.chat.locator('.launcher').click();
    stage.server.say(await newestConversation(stage.server), 'When?', { input: { type: 'time' } });
    await write(visited, '06:30');
    await expectBubbles(visited, ['When?', '06:30']);
    await expectCount(visited, '.asking:visible', 0);
  });

  it('of an unknown type is asked in words', async () => {
    const visited = await open('/inline');
    stage.server.say(await newestConversation(stage.server), 'Where?', { input: { type: 'constructor' } });
    await expectBubbles(visited, ['Where?']);
    await expectCount(visited, '.asking:visible', 0);
  });
});

describe('the configuration', () => {
  it('shows the bubble on the pages it names, also when the site changes its address by itself', async () => {
    stage.server.config = { version: 1, pages: { hide: ['/shop/*'] } };
    const visited = await open('/bubble');
    await expectCount(visited, '.launcher:visible', 1);
    await visited.page.evaluate(() => history.pushState({}, '', '/shop/cart'));
    await expectCount(visited, '.launcher:visible', 0);
    await visited.page.goto(`${stage.server.origin}/shop/cart`);
    await expectCount(visited, '.launcher', 1);
    await expectCount(visited, '.launcher:visible', 0);
  });

  it('opens the bubble by itself once a visit when it says so, and leaves the keyboard where it is', async () => {
    stage.server.config = { version: 1, open_after_s: 1, texts: { title: 'Ana' } };
    const visited = await open('/bubble');
    await visited.page.getByRole('button', { name: 'Before' }).focus();
    await expectCount(visited, '.panel:visible', 1);
    expect(await visited.page.evaluate(() => document.activeElement?.textContent)).toBe('Before');
    await visited.page.clock.install();
    await visited.page.reload();
    await expectCount(visited, '.launcher', 1);
    await visited.page.clock.runFor(5_000);
    await expectCount(visited, '.panel:visible', 0);
  });

  it('opens no bubble by itself that the person has opened and closed, and none that would cover a phone', async () => {
    stage.server.config = { version: 1, open_after_s: 2, texts: { title: 'Ana' } };
    const visited = await open('/bubble');
    await visited.page.clock.install();
    await visited.page.reload();
    await visited.chat.locator('.launcher').click();
    await visited.page.keyboard.press('Escape');
    await visited.page.clock.runFor(5_000);
    await expectCount(visited, '.panel:visible', 0);
    const small = await open('/bubble', phone);
    await small.page.clock.install();
    await small.page.reload();
    await expectCount(small, '.launcher:visible', 1);
    await small.page.clock.runFor(5_000);
    await expectCount(small, '.panel:visible', 0);
  });

  it('is taken up without a reload', async () => {
    stage.server.config = { version: 1, texts: { title: 'Before' } };
    const visited = await open('/inline');
    await expect.poll(() => visited.chat.locator('.title').textContent()).toBe('Before');
    await expectCount(visited, '.empty', 1);
    stage.server.config = { version: 2, texts: { title: 'After' }, theme: { accent: '#ffd400' } };
    stage.server.dropSockets();
    await expect.poll(() => visited.chat.locator('.title').textContent(), { timeout: 10_000 }).toBe('After');
    await write(visited, 'hello');
    expect(await accessibilityFaults(visited)).toEqual([]);
  });

  it('shows no picture where the one it names cannot be had', async () => {
    stage.server.config = { version: 1, avatar: 'https://127.0.0.1:9/me.png' };
    const visited = await open('/bubble');
    await visited.chat.locator('.launcher').click();
    await expectCount(visited, '.avatar[hidden]', 1);
    // The policy of this site says so as well.
    expect(visited.problems.splice(0).join()).toContain('img-src');
  });

  it('leaves the sound off until the person turns it on, and remembers', async () => {
    const visited = await open('/inline');
    const sound = visited.chat.getByRole('button', { name: 'Sound' });
    expect(await sound.getAttribute('aria-pressed')).toBe('false');
    await sound.click();
    expect(await sound.getAttribute('aria-pressed')).toBe('true');
    await visited.page.reload();
    await expect.poll(() => sound.getAttribute('aria-pressed')).toBe('true');
  });
});
