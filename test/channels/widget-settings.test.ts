import * as v from 'valibot';
import { expect, it } from 'vitest';
import { isLanguage, isZone, publicConfig, VersionedSettings, WidgetSettings } from '../../src/channels/widget-settings.ts';

it('WidgetSettings fills every default, so that a widget needs no configuration', () => {
  expect(v.parse(WidgetSettings, {})).toEqual({
    theme: { accent: '', scheme: 'auto' },
    texts: { title: '', subtitle: '', greeting: '', placeholder: '', launcher: '' },
    languages: [],
    avatar: '',
    pages: { show: [], hide: [] },
    open_after_s: null,
    position: 'right',
    entry: null,
    allowed_origins: [],
  });
});

it.each([
  { unknown: true },
  { version: 3 },
  { theme: { accent: 'red' } },
  { theme: { accent: '#fff;}body{' } },
  { theme: { scheme: 'pink' } },
  { texts: { title: 'x'.repeat(301) } },
  { texts: { html: '<b>' } },
  { languages: ['not a tag'] },
  { languages: Array(21).fill('en') },
  { position: 'top' },
  { avatar: 'http://coach.example/me.jpg' },
  { avatar: 'javascript:alert(1)' },
  { pages: { show: ['blog'] } },
  { pages: { hide: ['/a b'] } },
  { pages: { only: ['/'] } },
  { open_after_s: -1 },
  { open_after_s: 0.5 },
  { entry: '../etc' },
  { allowed_origins: ['*'] },
  { allowed_origins: ['https://coach.example/'] },
  { allowed_origins: ['null'] },
  JSON.parse('{"__proto__": {"position": "left"}}'),
])('WidgetSettings refuses %j', (settings) => {
  expect(v.safeParse(WidgetSettings, settings).success).toBe(false);
});

it('publicConfig does not tell on which sites the widget may run', () => {
  const settings = v.parse(VersionedSettings, { version: 2, allowed_origins: ['https://coach.example'] });
  expect(publicConfig(settings)).not.toHaveProperty('allowed_origins');
  expect(publicConfig(settings)).toMatchObject({ version: 2 });
});

it.each(['Europe/Lisbon', 'UTC', 'America/Argentina/Buenos_Aires', 'Africa/Maputo'])('isZone accepts %s', (zone) => {
  expect(isZone(zone)).toBe(true);
});
it.each(['', '+01:00', 'Mars/Base', 'Europe/', '../Lisbon', `A/${'b'.repeat(80)}`])('isZone refuses %j', (zone) => {
  expect(isZone(zone)).toBe(false);
});
it.each(['en', 'pt-PT', 'zh-Hant-TW'])('isLanguage accepts %s', (tag) => {
  expect(isLanguage(tag)).toBe(true);
});
it.each(['', 'e', 'pt_PT', 'en-', 'x'.repeat(40)])('isLanguage refuses %j', (tag) => {
  expect(isLanguage(tag)).toBe(false);
});
