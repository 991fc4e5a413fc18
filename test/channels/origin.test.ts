import { expect, it } from 'vitest';
import { isOrigin, mayUseWidget } from '../../src/channels/origin.ts';

const allowed = ['https://coach.example', 'http://localhost:3000'];

it.each([undefined, 'https://coach.example', 'http://localhost:3000'])('mayUseWidget lets through %s', (origin) => {
  expect(mayUseWidget(origin, allowed)).toBe(true);
});

it.each([
  'null',
  '',
  '*',
  'http://coach.example',
  'https://coach.example:8443',
  'https://coach.example.evil.test',
  'https://evil-coach.example',
  'https://sub.coach.example',
  'https://coach.example/',
  'https://coach.example/path',
  'https://COACH.example',
  'https://user@coach.example',
  'https://coach.example, https://evil.test',
  'http://localhost',
])('mayUseWidget refuses %s', (origin) => {
  expect(mayUseWidget(origin, allowed)).toBe(false);
});

it('mayUseWidget refuses null even when somebody put it on the list', () => {
  expect(mayUseWidget('null', ['null'])).toBe(false);
});

it.each(['https://coach.example', 'http://127.0.0.1:5173', 'https://xn--bcher-kva.example'])('isOrigin accepts %s', (text) => {
  expect(isOrigin(text)).toBe(true);
});

it.each([
  'coach.example',
  'https://coach.example/',
  'https://coach.example:443',
  'https://*.example',
  'file://',
  'null',
  'javascript:alert(1)',
  'ftp://a.example',
])('isOrigin refuses %s', (text) => {
  expect(isOrigin(text)).toBe(false);
});
