/** The pure parts of the widget: frames, links, rows, words, times, appearance and storage. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseLanguage, inkOn, isShownOn, readAppearance } from '../../web/widget/appearance.ts';
import { splitLinks } from '../../web/widget/links.ts';
import { createMemoryStorage, createOutbox, usableStorage } from '../../web/widget/outbox.ts';
import { type MessageFrame, parseFrame } from '../../web/widget/protocol.ts';
import { createRecord } from '../../web/widget/record.ts';
import { type BubbleRow, openQuestion, rowsOf } from '../../web/widget/rows.ts';
import { dayName, timeOfDay } from '../../web/widget/times.ts';
import { directionOf, english } from '../../web/widget/words.ts';

const said = (seq: number, text: string, button?: string): MessageFrame => ({
  type: 'message',
  seq,
  id: `c${seq}`,
  role: 'contact',
  text,
  at: '2026-01-05T09:01:00Z',
  ...(button !== undefined && { button }),
});

it('a voice note shows its words when they come', () => {
  const record = createRecord();
  const transcript = { type: 'transcript', seq: 2, text: 'Seven hours' };
  const voice = { type: 'message', seq: 2, id: 'b', role: 'contact', text: '', at: '2026-01-01T00:00:00Z' };
  for (const frame of [transcript, { ...voice, seq: 1, id: 'a' }, voice, transcript]) {
    const read = parseFrame(JSON.stringify(frame));
    if (read !== null) record.receive(read);
  }
  expect(record.messages).toMatchObject([{ text: '' }, { text: 'Seven hours', transcribed: true }]);
  const again = parseFrame(JSON.stringify({ ...voice, text: 'Seven hours', transcribed: true }));
  expect(again).toMatchObject({ text: 'Seven hours', transcribed: true });
});

describe('parseFrame()', () => {
  it.each([
    ['not JSON', '{'],
    ['no object', '[1]'],
    ['no type', '{}'],
    ['an unknown type', '{"type":"later"}'],
    ['a type of the prototype', '{"type":"constructor"}'],
    ['a message without seq', '{"type":"message","id":"a","role":"coach","text":"x"}'],
    ['a message with a fraction as seq', '{"type":"message","seq":1.5,"id":"a","role":"coach","text":"x"}'],
    ['a message of an unknown role', '{"type":"message","seq":1,"id":"a","role":"root","text":"x"}'],
    ['a delta without reply', '{"type":"delta","text":"x"}'],
    ['an ack without id', '{"type":"ack","seq":1}'],
  ])('skips %s', (_, text) => expect(parseFrame(text)).toBeNull());

  it('reads the rows of a list as buttons that know their section, whatever shape the list has', () => {
    const message = {
      type: 'message',
      seq: 1,
      id: 'a',
      role: 'coach',
      text: 't',
      at: '',
      buttons: [
        { id: 'a', title: 'A' },
        { id: 'b', title: 'B' },
      ],
    };
    const buttonsOf = (list: unknown) => (parseFrame(JSON.stringify({ ...message, list })) as MessageFrame).buttons;
    expect(
      buttonsOf({
        title: 'Open',
        sections: [{ title: 'One', rows: [{ id: 'a', title: 'A', description: 'first' }, 7] }, null, { rows: {} }],
      }),
    ).toEqual([
      { id: 'a', title: 'A', section: 'One', description: 'first' },
      { id: 'b', title: 'B', section: '', description: '' },
    ]);
    expect(buttonsOf([5])?.map(({ section }) => section)).toEqual(['', '']);
  });

  it('skips binary data', () => expect(parseFrame(new ArrayBuffer(2))).toBeNull());

  it('drops parts of another shape and keeps the rest', () => {
    const frame = {
      type: 'message',
      seq: 1,
      id: 'a',
      role: 'coach',
      text: 5,
      at: null,
      buttons: [{ title: 'x' }, 'y'],
      citations: {},
      media: [],
    };
    expect(parseFrame(JSON.stringify({ ...frame, novelty: 1 }))).toEqual({
      type: 'message',
      seq: 1,
      id: 'a',
      role: 'coach',
      text: '',
      at: '',
    });
  });
});

describe('splitLinks()', () => {
  it.each([
    ['See https://a.example/b.', ['https://a.example/b']],
    ['(https://a.example)', ['https://a.example']],
    ['https://a.example/x_(y)', ['https://a.example/x_(y)']],
    ['http://a.example javascript:alert(1) data:text/html,x ftp://a', []],
    ['<a href="https://a.example">x</a>', ['https://a.example']],
    ['https://', []],
    [`https://${')'.repeat(50_000)}`, []],
  ])('finds only https addresses in %j', (text, links) => {
    const parts = splitLinks(text);
    expect(parts.filter((part) => part.href !== undefined).map((part) => part.text)).toEqual(links);
    expect(parts.map((part) => part.text).join('')).toBe(text);
  });
});

describe('rowsOf()', () => {
  const offer = (seq: number, at = '2026-01-05T09:00:00Z'): MessageFrame => ({
    type: 'message',
    seq,
    id: `o${seq}`,
    role: 'coach',
    text: '?',
    at,
    buttons: [
      { id: 'y', title: 'Yes', section: '', description: '' },
      { id: 'n', title: 'No', section: '', description: '' },
    ],
  });
  const offers = (messages: MessageFrame[], waiting: Parameters<typeof rowsOf>[1] = []) => {
    const record = createRecord();
    for (const message of messages) record.receive(message);
    const rows = rowsOf(record, waiting, 0).filter((row): row is BubbleRow => row.kind === 'bubble' && row.offer !== 'none');
    return rows.map((row) => [row.offer, row.chosen]);
  };
  const waitingFor = (seq: number) => [{ id: 'w', text: 'No', at: 0, order: 0, tab: 't', button: { id: 'n', seq } }];

  it('leaves only the newest offer active', () =>
    expect(offers([offer(1), offer(2)])).toEqual([
      ['closed', null],
      ['active', null],
    ]));
  it('closes an offer that was used', () => expect(offers([offer(1), said(2, 'Yes', 'y')])).toEqual([['closed', 'y']]));
  it('knows a used offer by its words', () => expect(offers([offer(1), said(2, 'No')])).toEqual([['closed', 'n']]));
  it('stays open to other words', () => expect(offers([offer(1), said(2, 'Why?')])).toEqual([['active', null]]));
  it('closes an offer whose button is on its way', () => expect(offers([offer(1)], waitingFor(1))).toEqual([['closed', 'n']]));

  it('puts a day above the first message of each day, and joins what one writer says at once', () => {
    const record = createRecord();
    for (const [index, at] of ['2026-01-04T12:00:00Z', '2026-01-05T12:00:00Z', '2026-01-05T12:01:00Z'].entries()) {
      record.receive({ ...said(index + 1, 'x'), at });
    }
    expect(rowsOf(record, [], 0).map((row) => (row.kind === 'day' ? 'day' : row.joins))).toEqual(['day', false, 'day', false, true]);
  });
});

describe('the open question', () => {
  const asks = (seq: number): MessageFrame => ({ ...said(seq, 'When?'), role: 'coach', input: { type: 'time' } });
  const recordOf = (messages: MessageFrame[]) => {
    const record = createRecord();
    for (const message of messages) record.receive(message);
    return record;
  };

  it.each([
    ['is the newest one', [asks(1), { ...said(2, 'A hint'), role: 'coach' as const }, asks(3)], 3],
    ['stays while the coach goes on', [asks(1), { ...said(2, 'Take your time'), role: 'coach' as const }], 1],
    ['is none once something was said to it', [asks(1), said(2, '7:00')], undefined],
    ['is none where nothing was asked', [said(1, 'hello')], undefined],
  ])('%s', (_name, messages, seq) => {
    expect(openQuestion(recordOf(messages), [])?.seq).toBe(seq);
  });

  it('is none while an answer is on its way', () => {
    expect(openQuestion(recordOf([asks(1)]), [{ id: 'i', text: '7:00', at: 0, order: 0, tab: 't' }])).toBeNull();
  });
});

describe('what the person reads', () => {
  it('takes the first language both sides share', () => {
    expect(chooseLanguage(['fr-CA', 'pt-BR'], ['es', 'pt'])).toBe('pt-BR');
    expect(chooseLanguage(['ja'], ['es', 'pt'])).toBe('es');
    expect(chooseLanguage(['ja'], [])).toBe('ja');
    expect(chooseLanguage([], [])).toBe('en');
  });

  it('knows which languages run from right to left', () => {
    expect(['ar-EG', 'he', 'en'].map(directionOf)).toEqual(['rtl', 'rtl', 'ltr']);
  });

  it('names days as people do', () => {
    const now = new Date(2026, 0, 15, 0, 30).getTime();
    const names = [0, 1, 2, 10].map((days) => dayName(new Date(2026, 0, 15 - days, 23).getTime(), now, 'en-GB', english));
    expect(names).toEqual(['Today', 'Yesterday', 'Tuesday', '5 January 2026']);
    expect(timeOfDay(new Date(2026, 0, 15, 18, 5).getTime(), 'de')).toBe('18:05');
    expect(timeOfDay(Number.NaN, 'de')).toBe('');
    expect(timeOfDay(0, 'no language at all')).not.toBe('');
  });

  it('reads a configuration of any shape', () => {
    const nothing = readAppearance(null);
    expect(nothing).toMatchObject({ title: '', accent: '', scheme: 'auto', side: 'right', languages: [] });
    expect(readAppearance({ theme: { accent: 'red;} *{display:none' }, texts: 4, languages: 'en', position: 'left' })).toEqual({
      ...nothing,
      side: 'left',
    });
  });

  it.each([
    ['#000000', '#ffffff'],
    ['#ffffff', '#000000'],
    ['#0b6655', '#ffffff'],
    ['#ffd400', '#000000'],
  ])('writes on %s in %s', (color, ink) => expect(inkOn(color)).toBe(ink));

  it('is read on every colour a creator may choose: at least 4.5 to 1', () => {
    const part = (value: number) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(byte, byte, byte, (red, green, blue) => {
        const luminance = 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
        const color = `#${[red, green, blue].map((value) => value.toString(16).padStart(2, '0')).join('')}`;
        const contrast = inkOn(color) === '#000000' ? (luminance + 0.05) / 0.05 : 1.05 / (luminance + 0.05);
        expect(contrast).toBeGreaterThanOrEqual(4.5);
      }),
    );
  });

  it.each([
    ['/', [], [], true],
    ['/blog/x', ['/blog/*'], [], true],
    ['/shop', ['/blog/*'], [], false],
    ['/checkout/pay', [], ['/checkout*'], false],
    ['/blog/secret', ['/blog/*'], ['*secret'], false],
    ['/a/b/c', ['/a/*/c'], [], true],
    ['/a/c', ['/a/*/c'], [], false],
    ['/aXb', ['/a.b'], [], false],
    [`/${'a'.repeat(5_000)}`, [`/${'*a'.repeat(100)}*b`], [], false],
  ])('is shown on %.30s by show %j and hide %j: %s', (path, show, hide, isShown) => {
    expect(isShownOn(path, { show, hide })).toBe(isShown);
  });
});

describe('the storage', () => {
  it('is memory when the browser blocks the lasting kind', () => {
    const storage = usableStorage(() => {
      throw new DOMException('blocked', 'SecurityError');
    });
    storage.setItem('a', '1');
    expect(storage.getItem('a')).toBe('1');
  });

  it('skips what another script wrote into its keys', () => {
    const storage = createMemoryStorage();
    for (const [index, text] of ['{', 'null', '[]', '{"id":1}', '"x"'].entries()) storage.setItem(`p:outbox:${index}`, text);
    expect(createOutbox(storage, 'p:').list()).toEqual([]);
  });
});
