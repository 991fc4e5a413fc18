/** The files of a deployment: they parse, keep no secrets, and name what the server reads. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { variables } from '../src/config.ts';

interface Service {
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  volumes?: string[];
  build?: string;
}

const text = readFileSync('compose.yaml', 'utf8');
const { services, volumes } = parse(text) as { services: Record<string, Service>; volumes: Record<string, unknown> };

describe('compose.yaml', () => {
  test.each(['nginx', 'postgres', 'redis', 'chroma', 'ollama'])('%s is checked for its health', (name) => {
    expect(services[name]?.healthcheck?.test.length).toBeGreaterThan(1);
  });

  test('nothing waits for a service that does not say when it is ready', () => {
    for (const { depends_on = {} } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        expect(condition).toBe('service_healthy');
        expect(services[name]?.healthcheck ?? services[name]?.build, name).toBeDefined();
      }
    }
  });

  test('every named volume is declared', () => {
    const named = Object.values(services).flatMap((service) => (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? ''));
    expect(named.filter((name) => !name.startsWith('.')).sort()).toEqual(Object.keys(volumes).sort());
  });

  test('the server gets only variables it knows', () => {
    for (const name of Object.keys(services.app?.environment ?? {})) expect(Object.keys(variables)).toContain(name);
  });

  test('no secret is written down', () => {
    for (const { environment = {} } of Object.values(services)) {
      for (const [name, value] of Object.entries(environment)) {
        if (/PASSWORD|KEY|_URL/.test(name) && /KEY|PASSWORD|@/.test(`${name}${value}`)) expect(value, name).toMatch(/\$\{\w+:\?/);
      }
    }
  });
});

describe('Dockerfile', () => {
  const lines = readFileSync('Dockerfile', 'utf8').split('\n');

  test('runs without privileges and has a health check', () => {
    expect(lines.lastIndexOf('USER node')).toBeGreaterThan(lines.findLastIndex((line) => line.startsWith('FROM')));
    expect(lines.some((line) => line.startsWith('HEALTHCHECK'))).toBe(true);
  });

  test('sets only variables the server knows', () => {
    const names = lines.filter((line) => line.startsWith('ENV ')).flatMap((line) => [...line.matchAll(/(\w+)=/g)].map(([, name]) => name));
    expect(names.filter((name) => name !== 'NODE_ENV' && !Object.hasOwn(variables, name ?? ''))).toEqual([]);
  });
});
