/** The chat without a DOM: sessions, close codes, resuming, the outbox, tabs and reading. */
import { describe, expect, it } from 'vitest';
import { createMemoryStorage } from '../../web/widget/outbox.ts';
import { coachSays, createTestClock, openTab, photo, settle, type Tab } from './harness.ts';

const texts = (tab: Tab) => tab.chat.record.messages.map((message) => message.text);
const sent = (tab: Tab, type: string) => tab.socket().sent.filter((frame) => frame.type === type);

/** Another socket is opened between these instants from now, in milliseconds, and not before. */
async function expectAnotherSocket(tab: Tab, from: number, to: number): Promise<void> {
  const opened = tab.sockets.length;
  await tab.clock.advance(from - 1);
  expect(tab.sockets).toHaveLength(opened);
  await tab.clock.advance(to - from + 1);
  expect(tab.sockets).toHaveLength(opened + 1);
}

describe('opening a session', () => {
  it('asks for a session, then a ticket, and offers both subprotocols', async () => {
    const tab = openTab();
    await tab.goOnline();
    expect(tab.calls).toEqual(['POST sessions {"contact":{"zone":"Europe/Lisbon","language":"pt"}}', 'POST tickets']);
    expect(tab.socket().protocols).toEqual(['coach.v1', 'ticket.T']);
    expect(tab.socket().sent).toEqual([{ type: 'hello', after: 0 }]);
  });

  it('continues the stored session after a reload', async () => {
    const first = openTab();
    await first.goOnline();
    const second = openTab({ storage: first.storage });
    expect(second.chat.hasSession).toBe(true);
    await second.goOnline();
    expect(second.calls[0]).toContain('"session_token":"tab-session-1"');
    expect(second.notices).toEqual([]);
  });

  it('begins a new session with a notice when the stored one is refused', async () => {
    const first = openTab();
    await first.goOnline();
    const second = openTab({ storage: first.storage });
    second.answers.set('sessions', { status: 401 });
    second.chat.start();
    await settle();
    await second.clock.advance(1_000);
    expect(second.notices).toEqual([{ kind: 'new_session' }]);
    expect(second.calls.at(-2)).not.toContain('session_token');
  });

  it('tells the server a name given later', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.chat.identify({ name: 'Rui' });
    await settle();
    expect(tab.calls.at(-1)).toContain('"name":"Rui"');
    expect(tab.calls.at(-1)).toContain('"session_token":"tab-session-1"');
  });
});

describe('a closed socket', () => {
  const rows: [code: number, next: 'retry' | 'renew' | 'stop', minimumMs: number][] = [
    [1000, 'retry', 0],
    [1001, 'retry', 0],
    [1003, 'retry', 0],
    [1006, 'retry', 0],
    [1008, 'retry', 5_000],
    [1009, 'retry', 0],
    [1011, 'retry', 0],
    [1012, 'retry', 0],
    [1013, 'retry', 5_000],
    [4401, 'renew', 0],
    [4403, 'stop', 0],
    [4999, 'retry', 0],
  ];
  it.each(rows)('with code %i leads to: %s, after at least %i ms', async (code, next, minimumMs) => {
    const tab = openTab();
    await tab.goOnline();
    tab.socket().closes(code);
    await settle();
    expect(tab.chat.connection).toBe(next === 'stop' ? 'stopped' : 'waiting');
    if (minimumMs > 0) {
      await tab.clock.advance(minimumMs - 1);
      expect(tab.sockets).toHaveLength(1);
    }
    await tab.clock.advance(60_000);
    expect(tab.sockets.length > 1).toBe(next !== 'stop');
    expect(tab.notices.map((notice) => notice.kind)).toEqual({ retry: [], renew: ['new_session'], stop: ['forbidden'] }[next]);
  });

  it('waits longer with each try that fails and starts over after a welcome', async () => {
    const tab = openTab();
    await tab.goOnline();
    const waits: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      const opened = tab.sockets.length;
      tab.socket().closes(1006);
      let waited = 0;
      for (; tab.sockets.length === opened; waited += 125) await tab.clock.advance(125);
      waits.push(waited);
    }
    expect(waits).toEqual([375, 750, 1_500, 3_000, 6_000, 12_000, 22_500, 22_500, 22_500]);
    await tab.welcome();
    tab.socket().closes(1006);
    await tab.clock.advance(400);
    expect(tab.sockets).toHaveLength(11);
  });

  it('after "closing" waits as long as the server asks, plus jitter', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.socket().hears({ type: 'closing', retry_after_ms: 4_000 });
    expect(tab.socket().isClosed).toBe(true);
    await expectAnotherSocket(tab, 5_000, 5_000);
  });

  it('honours Retry-After of a refused call', async () => {
    const tab = openTab();
    tab.answers.set('tickets', { status: 429, headers: { 'retry-after': '20' } });
    tab.chat.start();
    await settle();
    await expectAnotherSocket(tab, 20_000, 31_000);
  });

  it('is tried again at once when the network or the person is back', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.socket().closes(1013);
    tab.chat.wake();
    await settle();
    expect(tab.sockets).toHaveLength(2);
  });

  it('is noticed by a ping that nobody answers, though the server keeps talking', async () => {
    const tab = openTab();
    await tab.goOnline();
    await tab.clock.advance(20_000);
    tab.socket().hears({ type: 'typing', on: true });
    await tab.clock.advance(5_000);
    expect(sent(tab, 'ping')).toHaveLength(1);
    await tab.clock.advance(10_000);
    expect(tab.chat.connection).not.toBe('online');
    await tab.clock.advance(1_000);
    expect(tab.sockets).toHaveLength(2);
  });
});

describe('resuming', () => {
  it('shows each message once and in order, however they come', async () => {
    const tab = openTab();
    await tab.goOnline();
    for (const seq of [1, 2, 2, 4, 3, 1]) tab.socket().hears(coachSays(seq));
    expect(texts(tab)).toEqual(['m1', 'm2', 'm3', 'm4']);
    expect(tab.heard).toHaveLength(4);
  });

  it('says hello with the last seq without a gap', async () => {
    const tab = openTab();
    await tab.goOnline();
    for (const seq of [1, 2, 5]) tab.socket().hears(coachSays(seq));
    tab.socket().closes(1006);
    await tab.clock.advance(1_000);
    tab.socket().opens();
    expect(tab.socket().sent[0]).toEqual({ type: 'hello', after: 2 });
  });

  it('asks again for a message that is missing, and accepts that there is none', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.socket().hears(coachSays(1));
    tab.socket().hears(coachSays(3));
    await tab.clock.advance(3_000);
    expect(tab.sockets).toHaveLength(2);
    await tab.welcome(3);
    tab.socket().hears(coachSays(3));
    await tab.clock.advance(3_000);
    expect(tab.sockets).toHaveLength(2);
    expect(tab.chat.record.cursor).toBe(3);
  });

  it('replaces a stream by its message and does not go on in the middle after a break', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.socket().hears({ type: 'delta', reply: 'r', text: 'Sleep ' });
    tab.socket().hears({ type: 'delta', reply: 'r', text: 'well' });
    expect(tab.chat.record.streams).toEqual([{ reply: 'r', text: 'Sleep well' }]);
    tab.socket().hears({ type: 'delta', reply: 'r', text: '', anew: true });
    expect([tab.chat.record.streams, tab.chat.record.typing]).toEqual([[], true]);
    tab.socket().hears({ type: 'delta', reply: 'r', text: 'Rest' });
    tab.socket().closes(1006);
    expect(tab.chat.record.streams).toEqual([]);
    await tab.clock.advance(1_000);
    await tab.welcome();
    tab.socket().hears({ type: 'delta', reply: 'r', text: ' tonight' });
    expect(tab.chat.record.streams).toEqual([]);
    expect(tab.chat.record.typing).toBe(true);
    tab.socket().hears({ type: 'delta', reply: 'r', text: '', anew: true });
    tab.socket().hears({ type: 'delta', reply: 'r', text: 'Again' });
    expect(tab.chat.record.streams).toEqual([{ reply: 'r', text: 'Again' }]);
    tab.socket().hears({ ...coachSays(1, 'Sleep well tonight'), reply: 'r' });
    tab.socket().hears({ type: 'delta', reply: 'r', text: 'late' });
    expect(tab.chat.record.streams).toEqual([]);
    expect(tab.chat.record.typing).toBe(false);
    expect(texts(tab)).toEqual(['Sleep well tonight']);
  });
});

describe('the outbox', () => {
  it('keeps what is written offline, across a reload, and sends it in order, one after the other', async () => {
    const before = openTab({ name: 'before' });
    await before.goOnline();
    before.socket().closes(1006);
    for (const text of ['one', 'two', 'three']) before.chat.send(text);
    const tab = openTab({ storage: before.storage, clock: before.clock, name: 'after' });
    before.chat.stop();
    await tab.clock.advance(6_000);
    await tab.goOnline();
    const delivered: string[] = [];
    for (let seq = 1; seq <= 3; seq += 1) {
      const frame = sent(tab, 'message').at(-1);
      if (frame?.type !== 'message') throw new Error('nothing was sent');
      expect(sent(tab, 'message')).toHaveLength(seq);
      delivered.push(frame.text);
      tab.socket().hears({ type: 'ack', id: frame.id, seq });
    }
    expect(delivered).toEqual(['one', 'two', 'three']);
    expect(texts(tab)).toEqual(['one', 'two', 'three']);
    expect(tab.chat.waiting).toEqual([]);
    expect(tab.storage.length).toBe(1);
  });

  it('sends the same id again after a break and shows the message once', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.chat.send('hello');
    const first = sent(tab, 'message')[0];
    tab.socket().closes(1006);
    await tab.clock.advance(1_000);
    await tab.welcome(1);
    expect(sent(tab, 'message')).toEqual([first]);
    const id = first?.type === 'message' ? first.id : '';
    tab.socket().hears({ type: 'message', seq: 1, id, role: 'contact', text: 'hello', at: '2026-01-05T09:00:00.000Z' });
    tab.socket().hears({ type: 'ack', id, seq: 1 });
    expect(texts(tab)).toEqual(['hello']);
    expect(tab.chat.waiting).toEqual([]);
  });

  it('gives up a socket that does not acknowledge within ten seconds', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.chat.send('hello');
    await tab.clock.advance(10_000);
    expect(tab.sockets).toHaveLength(2);
  });

  it('sends a button once its offer is pressed and drops it when nothing came of it', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.chat.press(4, { id: 'b', title: 'Yes' });
    const [frame] = sent(tab, 'button');
    expect(frame).toMatchObject({ type: 'button', message_seq: 4, button: 'b' });
    tab.socket().hears({ type: 'ack', id: frame?.type === 'button' ? frame.id : '', seq: null });
    expect(tab.chat.waiting).toEqual([]);
    expect(texts(tab)).toEqual([]);
  });

  it('lets the person retry or discard what the server refused, and sends the rest meanwhile', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.chat.send('bad');
    tab.chat.send('good');
    const [bad] = tab.chat.waiting;
    tab.socket().hears({ type: 'error', id: bad?.id, error: { code: 'INVALID_INPUT', message: 'no' } });
    expect(tab.chat.waiting[0]).toMatchObject({ text: 'bad', refused: 'INVALID_INPUT' });
    expect(sent(tab, 'message')).toHaveLength(2);
    tab.socket().hears({ type: 'ack', id: tab.chat.waiting[1]?.id, seq: 1 });
    tab.chat.retry(bad?.id ?? '');
    expect(sent(tab, 'message')).toHaveLength(3);
    tab.socket().hears({ type: 'error', id: bad?.id, error: { code: 'INVALID_INPUT', message: 'no' } });
    tab.chat.discard(bad?.id ?? '');
    expect(tab.chat.waiting).toEqual([]);
  });

  it('waits as long as the server asks when it is too fast, and nothing overtakes', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.chat.send('one');
    tab.chat.send('two');
    const id = tab.chat.waiting[0]?.id;
    tab.socket().hears({ type: 'error', id, error: { code: 'RATE_LIMITED', message: 'slow', details: { retry_after_ms: 3_000 } } });
    await tab.clock.advance(2_999);
    expect(sent(tab, 'message')).toHaveLength(1);
    await tab.clock.advance(1);
    expect(sent(tab, 'message')).toMatchObject([{ text: 'one' }, { text: 'one' }]);
  });

  it('takes the message in flight out of the way after 1009, and after the second 1008', async () => {
    for (const [code, closes] of [
      [1009, 1],
      [1008, 2],
    ] as const) {
      const tab = openTab();
      await tab.goOnline();
      tab.chat.send('x');
      for (let round = 0; round < closes; round += 1) {
        expect(tab.chat.waiting[0]?.refused).toBeUndefined();
        tab.socket().closes(code);
        await tab.clock.advance(6_000);
        await tab.welcome();
      }
      expect(tab.chat.waiting[0]?.refused).toBe(code === 1009 ? 'TOO_LARGE' : 'INVALID_INPUT');
    }
  });

  it('brings unsent words into a new session, and leaves buttons of the old one behind', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.socket().hears(coachSays(1));
    tab.socket().closes(4401);
    tab.chat.send('still here');
    await tab.clock.advance(1_000);
    await tab.welcome();
    expect(tab.socket().sent).toMatchObject([
      { type: 'hello', after: 0 },
      { type: 'message', text: 'still here' },
    ]);
    expect(texts(tab)).toEqual([]);
  });
});

/** Two tabs of one browser, both online. */
async function openTwoTabs(): Promise<{ clock: Tab['clock']; one: Tab; two: Tab }> {
  const clock = createTestClock();
  const storage = createMemoryStorage();
  const [one, two] = [openTab({ storage, clock, name: 'one' }), openTab({ storage, clock, name: 'two' })];
  for (const tab of [one, two]) await tab.goOnline();
  return { clock, one, two };
}

describe('two tabs', () => {
  it('leaves a message to the tab that wrote it, and takes it over when that tab is gone', async () => {
    const { clock, one, two } = await openTwoTabs();
    one.chat.send('hi');
    const [item] = one.chat.waiting;
    const key = `companero:c1:outbox:${item?.id}`;
    two.chat.storageChanged(key);
    expect(two.chat.waiting).toHaveLength(1);
    expect(sent(two, 'message')).toHaveLength(0);
    one.chat.stop();
    await clock.advance(5_000);
    expect(sent(two, 'message')).toMatchObject([{ id: item?.id }]);
  });

  it('follows the session another tab has begun', async () => {
    const { clock, one, two } = await openTwoTabs();
    one.socket().closes(4401);
    await clock.advance(1_000);
    await one.welcome();
    two.chat.storageChanged('companero:c1:session');
    await settle();
    expect(two.sockets).toHaveLength(2);
    expect(two.calls.filter((call) => call.startsWith('POST sessions'))).toHaveLength(1);
  });
});

describe('reading', () => {
  it('counts what the other side said until it is read, and says so once', async () => {
    const tab = openTab();
    await tab.goOnline(2);
    tab.socket().hears(coachSays(1));
    tab.socket().hears(coachSays(2));
    expect(tab.chat.unread).toBe(2);
    tab.chat.read();
    tab.chat.read();
    expect(tab.chat.unread).toBe(0);
    expect(sent(tab, 'read')).toEqual([{ type: 'read', seq: 2 }]);
  });

  it('goes by what was read before or elsewhere', async () => {
    const tab = openTab();
    tab.chat.start();
    await settle();
    tab.socket().opens();
    tab.socket().hears({ type: 'welcome', seq: 3, read_seq: 1, config_version: 0 });
    for (const seq of [1, 2, 3]) tab.socket().hears(coachSays(seq));
    expect(tab.chat.unread).toBe(2);
    tab.socket().hears({ type: 'read', seq: 2 });
    tab.socket().hears({ type: 'read', seq: 1 });
    expect(tab.chat.unread).toBe(1);
  });

  it('says that the person writes at most every three seconds', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.chat.typing();
    tab.chat.typing();
    await tab.clock.advance(3_000);
    tab.chat.typing();
    expect(sent(tab, 'typing')).toHaveLength(2);
  });
});

describe('files', () => {
  it('go up before the message that names them, wait with it, and are shown with it', async () => {
    const tab = openTab();
    await tab.goOnline();
    const file = await tab.chat.upload(new Blob(['x']), 'me.png');
    tab.chat.send('', [file]);
    expect(sent(tab, 'message')).toMatchObject([{ text: '', attachments: [photo.id] }]);
    expect(tab.chat.waiting).toMatchObject([{ attachments: [{ name: 'me.png' }] }]);
    tab.socket().hears({ type: 'ack', id: tab.chat.waiting[0]?.id, seq: 1 });
    expect(tab.chat.record.messages[0]).toMatchObject({ text: '', attachments: [{ id: photo.id, name: 'me.png' }] });
  });

  it('survive a reload while they wait', async () => {
    const tab = openTab();
    tab.chat.send('look', [photo]);
    const reloaded = openTab({ storage: tab.storage, clock: tab.clock });
    await reloaded.goOnline();
    await reloaded.clock.advance(5_000);
    expect(sent(reloaded, 'message')).toMatchObject([{ text: 'look', attachments: [photo.id] }]);
  });

  it('that the server refuses are told to whoever chose them', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.answers.set('media', { status: 413 });
    await expect(tab.chat.upload(new Blob(['x']), 'big')).rejects.toMatchObject({ status: 413 });
    tab.answers.set('media', { status: 201, body: {} });
    await expect(tab.chat.upload(new Blob(['x']), 'odd')).rejects.toMatchObject({ status: 0 });
  });

  it('get a new link when the old one has run out', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.answers.set(photo.id, { status: 200, body: { url: '/fresh' } });
    expect(await tab.chat.link(photo.id)).toBe('/fresh');
  });
});

describe('another channel', () => {
  it('is reached by a key and its addresses', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.answers.set('link', { status: 201, body: { key: 'K', urls: { telegram: 'https://t.me/x?start=K' } } });
    expect(await tab.chat.newLink()).toEqual({ key: 'K', urls: { telegram: 'https://t.me/x?start=K' } });
    expect(tab.calls.at(-1)).toBe('POST link {}');
  });

  it('gives its conversation to the page that brings a key, without a word of an end', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.socket().hears(coachSays(1));
    tab.answers.set('link', { status: 200, body: { session_token: 'other', session_id: 'other' } });
    await tab.chat.join('K');
    await settle();
    expect(tab.calls.slice(-2)).toEqual(['POST link {"key":"K"}', 'POST tickets']);
    expect([tab.notices, texts(tab), tab.sockets.length]).toEqual([[], [], 2]);
    expect(tab.storage.getItem('companero:c1:session')).toBe('{"token":"other","id":"other"}');
  });

  it('whose key is no longer good changes nothing', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.answers.set('link', { status: 404 });
    await expect(tab.chat.join('K')).rejects.toMatchObject({ status: 404 });
    expect(tab.sockets).toHaveLength(1);
  });
});

describe('the configuration', () => {
  it('is read again when a welcome names a newer version, and not for the same', async () => {
    const tab = openTab();
    await tab.goOnline();
    const welcome = { type: 'welcome', session_id: 's', conversation_id: 'v', seq: 0, status: 'active', typing: false };
    tab.socket().hears({ ...welcome, config_version: 7 });
    await settle();
    tab.socket().hears({ ...welcome, config_version: 7 });
    await settle();
    expect(tab.configs).toEqual([{}, { version: 7 }]);
  });

  it('is read again soon after the server says that it has changed', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.socket().hears({ type: 'config', version: 7 });
    await tab.clock.advance(5_000);
    tab.socket().hears({ type: 'config', version: 7 });
    await tab.clock.advance(5_000);
    expect(tab.configs).toEqual([{}, { version: 7 }]);
  });
});

describe('a phone that was asleep', () => {
  it('opens a new socket when the old one does not answer within three seconds', async () => {
    const tab = openTab();
    await tab.goOnline();
    tab.chat.wake();
    await expectAnotherSocket(tab, 3_000, 4_000);
  });
});
