import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientFrame, messageFrame, readFrame } from '../../src/channels/widget-frames.ts';

const id = '3f2b8a1e-6d54-4c3b-9a7f-0123456789ab';

describe('readFrame', () => {
  it.each([
    [{ type: 'hello' }, { type: 'hello', after: 0 }],
    [
      { type: 'hello', after: 7 },
      { type: 'hello', after: 7 },
    ],
    [
      { type: 'message', id, text: ' hi ' },
      { type: 'message', id, text: ' hi ' },
    ],
    [
      { type: 'message', id, text: '🙂'.repeat(4000) },
      { type: 'message', id, text: '🙂'.repeat(4000) },
    ],
    [
      { type: 'message', id, text: 'x', attachments: [] },
      { type: 'message', id, text: 'x', attachments: [] },
    ],
    [
      { type: 'message', id, text: '', attachments: [id] },
      { type: 'message', id, text: '', attachments: [id] },
    ],
    [
      { type: 'button', id, message_seq: 3, button: 'yes' },
      { type: 'button', id, message_seq: 3, button: 'yes' },
    ],
    [{ type: 'typing' }, { type: 'typing' }],
    [
      { type: 'read', seq: 0 },
      { type: 'read', seq: 0 },
    ],
    [{ type: 'ping' }, { type: 'ping' }],
  ])('reads %j', (frame, expected) => {
    expect(readFrame(JSON.stringify(frame))).toEqual({ frame: expected });
  });

  it.each([
    '',
    'hello',
    '{"type":"ping"',
    'null',
    '7',
    '[]',
    '{}',
    '{"type":"shout"}',
    '{"type":"ping","extra":1}',
    '{"type":"ping","__proto__":{}}',
    '{"type":"hello","after":-1}',
    '{"type":"hello","after":1.5}',
    '{"type":"hello","after":1e400}',
    '{"type":"hello","after":"3"}',
    '{"type":"hello","after":null}',
    '{"type":"message","text":"no id"}',
    '{"type":"message","id":"1","text":"id is no UUID"}',
    `{"type":"message","id":"${id.toUpperCase()}","text":"upper case"}`,
    `{"type":"message","id":"${id}"}`,
    `{"type":"message","id":"${id}","text":""}`,
    `{"type":"message","id":"${id}","text":" \\n\\t "}`,
    `{"type":"message","id":"${id}","text":"nul \\u0000"}`,
    `{"type":"message","id":"${id}","text":"lone \\ud800"}`,
    `{"type":"message","id":"${id}","text":${JSON.stringify('x'.repeat(4001))}}`,
    `{"type":"message","id":"${id}","text":["x"]}`,
    `{"type":"message","id":"${id}","text":"x","attachments":[{}]}`,
    `{"type":"message","id":"${id}","text":"x","attachments":["../../etc/passwd"]}`,
    `{"type":"message","id":"${id}","text":"","attachments":[]}`,
    `{"type":"message","id":"${id}","text":"x","attachments":${JSON.stringify(Array(6).fill(id))}}`,
    `{"type":"message","id":"${id}","text":"x","role":"coach"}`,
    `{"type":"button","id":"${id}","message_seq":0,"button":"yes"}`,
    `{"type":"button","id":"${id}","message_seq":1,"button":""}`,
    `{"type":"button","id":"${id}","message_seq":1,"button":${JSON.stringify('b'.repeat(257))}}`,
    '{"type":"read"}',
    '['.repeat(20_000),
  ])('refuses %.80s', (text) => {
    expect(readFrame(text)).toMatchObject({ refused: { code: 'INVALID_INPUT' } });
  });

  it('names the message a refusal is about, when it has an id', () => {
    expect(readFrame(`{"type":"message","id":"${id}","text":""}`)).toMatchObject({ id });
    expect(readFrame('{"type":"message","id":"<script>","text":""}')).not.toHaveProperty('id');
  });

  it('never throws and never repeats what was sent at length', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const read = readFrame(text);
          if ('refused' in read) expect(JSON.stringify(read.refused.details).length).toBeLessThan(5000);
        },
      ),
    );
  });
});

it('messageFrame keeps its own fields whatever a body holds', () => {
  const body = { text: 'hi', seq: 99, type: 'ack' } as unknown as { text: string };
  const frame = messageFrame({ seq: 1, id, role: 'coach', class: 'reply', at: '2026-11-21T08:00:00.000Z', body }, (file) => `/f/${file}`);
  expect(frame).toMatchObject({ type: 'message', seq: 1, text: 'hi', class: 'reply' });
});

it('messageFrame gives each file its link', () => {
  const file = { id, kind: 'image' as const, type: 'image/png', name: 'a.png', bytes: 3 };
  const body = { text: '', attachments: [file] };
  const frame = messageFrame({ seq: 1, id, role: 'contact', class: 'inbound', at: '2026-11-21T08:00:00.000Z', body }, (one) => `/f/${one}`);
  expect(frame.attachments).toEqual([{ ...file, url: `/f/${id}` }]);
});

it('every frame of a client, and every close code of our own, is on the page for other clients', () => {
  const page = readFileSync('docs/widget-protocol.md', 'utf8');
  for (const frame of ClientFrame.options) {
    const { type } = frame.entries;
    expect(page).toContain(`"type":"${type.literal}"`);
  }
  const sources = ['widget', 'socket-limits'].map((name) => readFileSync(`src/channels/${name}.ts`, 'utf8')).join('\n');
  for (const [, code] of sources.matchAll(/(?:close\(|code: )(\d{4})/g)) expect(page).toContain(`| ${code} |`);
});
