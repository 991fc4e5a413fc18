/** What every channel promises, tried on each: a new channel is one more entry here. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Channel, OpenConnection, Showable } from '../../src/channels/channel.ts';
import { sign } from '../../src/channels/signature.ts';
import { createTelegram } from '../../src/channels/telegram/telegram.ts';
import { createWebhook } from '../../src/channels/webhook/webhook.ts';
import { createWhatsApp } from '../../src/channels/whatsapp/whatsapp.ts';
import type { CreatorId } from '../../src/ids.ts';
import type { Attachment } from '../../src/message.ts';
import { brokenLimit as brokenTelegram, callbackUpdate, textUpdate } from '../support/telegram-stand-in.ts';
import { brokenLimit as brokenWhatsApp, inbound, webhookBody } from '../support/whatsapp-stand-in.ts';

const now = Date.UTC(2026, 9, 20, 20);
const unreachable = () =>
  Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }));
const newToken = () => 'token-token-token';

interface Entry {
  channel: Channel;
  secrets: Record<string, string>;
  /** The limit a rendered bubble breaks. */
  broken(shown: Record<string, unknown>): string | null;
  /** A bubble as it reaches the provider once its file has gone along. */
  withFile(shown: Record<string, unknown>, file: Attachment): Record<string, unknown>;
  /** A message of a person with this text, as the provider says it. */
  message(text: string): unknown;
  /** A press of the button with this key. */
  press(key: string): unknown;
  /** Headers of a good signature over the body. */
  signed(body: string): Record<string, string>;
}

const entries: Record<string, Entry> = {
  whatsapp: {
    channel: createWhatsApp({ url: 'http://127.0.0.1:1', version: 'v26.0', fetch: unreachable, newToken }),
    secrets: { app_secret: 'right', access_token: 'a', verify_token: 'v' },
    broken: (shown) => brokenWhatsApp({ messaging_product: 'whatsapp', to: '351911000111', ...shown }),
    withFile: (shown) => ({ ...shown, [String(shown.type)]: { id: '900', ...(shown[String(shown.type)] as object) } }),
    message: (text) => webhookBody(inbound('wamid.1', { phone: '351911000111' }, { type: 'text', text: { body: text } }), 'account'),
    press: (key) =>
      webhookBody(
        inbound(
          'wamid.1',
          { phone: '351911000111' },
          { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: key, title: 'Yes' } } },
        ),
        'account',
      ),
    signed: (body) => ({ 'x-hub-signature-256': `sha256=${sign('right', body)}` }),
  },
  telegram: {
    channel: createTelegram({ url: 'http://127.0.0.1:1', fetch: unreachable, newToken }),
    secrets: { token: '1:x', webhook_secret: 'right' },
    broken: ({ method, ...params }) => brokenTelegram(String(method), { chat_id: 4711, ...params }),
    withFile: ({ field, ...shown }, { name, type }) => ({ ...shown, [String(field)]: new File(['x'], name, { type }) }),
    message: (text) => textUpdate(1, 4711, text),
    press: (key) => callbackUpdate(1, 4711, key),
    signed: () => ({ 'x-telegram-bot-api-secret-token': 'right' }),
  },
  webhook: {
    channel: createWebhook({ fetch: unreachable, newToken, now: () => now }),
    secrets: { secret: 'right' },
    broken: ({ text }) => (typeof text === 'string' && text.trim() !== '' && text.isWellFormed() && text.length <= 4_096 ? null : 'text'),
    withFile: (shown) => shown,
    message: (text) => ({ events: [{ type: 'message', id: '1', from: { id: '4711' }, text }] }),
    press: (key) => ({ events: [{ type: 'button', id: '1', from: { id: '4711' }, key }] }),
    signed(body) {
      const timestamp = String(now / 1000);
      return { 'x-companero-timestamp': timestamp, 'x-companero-signature': `v1=${sign('right', `${timestamp}.`, body)}` };
    },
  },
};

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom(
    '',
    '   ',
    '\u200b\u200d',
    '\ud800',
    '<b>bold</b> _*[`&amp;',
    'a'.repeat(20_000),
    'Wort '.repeat(3_000),
    '😀'.repeat(4_000),
  ),
);
const anyBody = fc.record(
  {
    text: anyText,
    buttons: fc.array(fc.record({ id: fc.string({ minLength: 1, maxLength: 8 }), title: anyText }), { maxLength: 14 }),
    media: fc.record({
      url: fc.constantFrom('https://x.example/a.png', '/a.png', 'javascript:alert(1)'),
      kind: fc.constantFrom('image', 'audio', 'file'),
      alt: anyText,
    }),
    attachments: fc.array(
      fc.record({
        id: fc.constantFrom('f1', 'f2'),
        kind: fc.constantFrom('image', 'audio', 'video', 'file'),
        type: fc.constantFrom('image/png', 'image/gif', 'audio/ogg', 'video/mp4', 'video/webm', 'application/pdf', 'text/plain'),
        name: anyText.map((text) => text.slice(0, 104)),
        bytes: fc.integer({ min: 1, max: 10_485_760 }),
      }),
      { maxLength: 3 },
    ),
    citations: fc.array(
      fc.record({ document_id: fc.constant('d'), title: anyText, chunk_index: fc.constant(0), quote: fc.constant('q') }),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ['text'] },
);
/** As a program renders it: the rows of a list are buttons too. */
const anyListBody = fc
  .record({
    text: anyText,
    title: anyText,
    sections: fc.array(
      fc.record({
        title: anyText,
        rows: fc.array(fc.record({ id: fc.uuid(), title: fc.string({ maxLength: 26 }), description: anyText }), {
          minLength: 1,
          maxLength: 4,
        }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(({ text, title, sections }) => ({ text, buttons: sections.flatMap(({ rows }) => rows), list: { title, sections } }));
const fileUrls = { f1: 'https://coach.example/f1', f2: 'https://coach.example/f2' };
const showable = (body: Showable['body']): Showable => ({ id: '01a1fc2b-e764-7f1f-a753-524847814d84', seq: 12, body, fileUrls });

describe.each(Object.entries(entries))('%s', (_, { channel, secrets, broken, withFile, message, press, signed }) => {
  const connection: OpenConnection = {
    ...{ creatorId: 'c' as CreatorId, id: 'n', channel: channel.name, account: 'account', secrets },
    settings: { url: 'http://127.0.0.1:1/' },
  };
  const request = (body: string, headers: Record<string, string>) => ({
    bytes: new TextEncoder().encode(body),
    header: (name: string) => headers[name.toLowerCase()],
    now,
  });

  it('renders any message within the limits of its provider', () => {
    fc.assert(
      fc.property(fc.oneof(anyBody, anyListBody), (body) => {
        const parts = channel.render(showable(body), true) ?? [];
        expect(parts.length).toBeGreaterThan(0);
        for (const { shown, plain, file } of parts) {
          expect(broken(file === undefined ? shown : withFile(shown, file))).toBeNull();
          if (plain !== null) expect(broken(plain)).toBeNull();
        }
      }),
      { numRuns: 150 },
    );
  });

  it('shows markup and entities literally', () => {
    const text = 'Eat <b>more</b> _greens_ *daily* [1](x) & drink &amp; sleep';
    expect(JSON.stringify(channel.render(showable({ text }), true))).toContain(JSON.stringify(text).slice(1, -1));
  });

  it('loses no word of a long text, and keeps the order', () => {
    const text = Array.from({ length: 3_000 }, (_unused, index) => `word${index}`).join(' ');
    const shown = (channel.render(showable({ text }), true) ?? []).map((part) => part.shown as { text: string | { body: string } });
    expect(shown.map((part) => (typeof part.text === 'string' ? part.text : part.text.body)).join(' ')).toBe(text);
  });

  it('hears a press as the button that was rendered', () => {
    const key = /12?[0-9a-z]*\.[0-9a-z]+\.[0-9a-f]{12}|c\.1\.524847814d84/.exec(
      JSON.stringify(
        channel.render(
          showable({
            text: 'Well?',
            buttons: [
              { id: 'y', title: 'Yes' },
              { id: 'n', title: 'No' },
            ],
          }),
          true,
        ),
      ).split('c.0.')[1] ?? '',
    )?.[0];
    expect(key).toBe('c.1.524847814d84');
    const { batches } = channel.receive(press(key ?? ''), connection, now);
    expect(batches).toMatchObject([{ account: 'account', events: [{ kind: 'button', key }] }]);
  });

  it('hears words as they were written, and what has none as unreadable', () => {
    for (const text of ['Olá, ação 😀', 'x'.repeat(4_096)]) {
      expect(channel.receive(message(text), connection, now).batches[0]?.events).toMatchObject([{ kind: 'message', text }]);
    }
    for (const text of ['', '\u200b\u200d\u2060']) {
      expect(channel.receive(message(text), connection, now).batches[0]?.events).toMatchObject([{ kind: 'unreadable' }]);
    }
  });

  it('takes no event from any JSON that has none: passes it over, or says what is wrong with it', () => {
    const eventsOf = (value: unknown) => {
      try {
        return channel.receive(value, connection, now).batches.flatMap(({ events }) => events);
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_INPUT' });
        return [];
      }
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(eventsOf(value)).toEqual([]);
      }),
    );
  });

  it('believes only its own secret', async () => {
    const body = JSON.stringify(message('hello'));
    expect(await channel.verify(request(body, signed(body)), connection)).toBe(true);
    expect(await channel.verify(request(body, {}), connection)).toBe(false);
    expect(await channel.verify(request(body, signed(body)), { ...connection, secrets: {} })).toBe(false);
    const other = Object.fromEntries(Object.keys(secrets).map((name) => [name, 'wrong']));
    expect(await channel.verify(request(body, signed(body)), { ...connection, secrets: other })).toBe(false);
  });

  it('tells a provider that is down from one that may have taken the message', async () => {
    const [part] = channel.render(showable({ text: 'hello' }), true) ?? [];
    const to = { externalId: '4711', phone: '351911000111' };
    const handing = { reference: 'r', signal: AbortSignal.timeout(5_000) };
    const outcome = await channel.send(part?.shown ?? {}, to, connection, handing);
    expect(outcome).toEqual({ outcome: 'refused', refusal: { code: 'down', does: 'retry' } });
  });
});
