/** The configuration: defaults, readings, and every kind of fault. */
import { describe, expect, test } from 'vitest';
import { loadConfig, variables } from '../src/config.ts';
import { AppError } from '../src/errors.ts';

const key = Buffer.alloc(32, 7).toString('base64');
const server = { DATABASE_URL: 'postgres://u:secret@db/companero', MASTER_KEY: key };

/** The message of the refusal. */
function refusal(environment: Record<string, string>): string {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
  throw new Error('The configuration was accepted');
}

describe('loadConfig', () => {
  test('needs nothing: an embedded server with the demo on loopback', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      dataDir: '.data',
      databaseUrl: null,
      redisUrl: null,
      ollama: null,
      masterKey: null,
      publicUrl: null,
      clockRate: 1,
      demo: true,
    });
  });

  test('takes an empty variable for an absent one, and ignores what it does not know', () => {
    const empty = Object.fromEntries(Object.keys(variables).map((name) => [name, '']));
    expect(loadConfig({ ...empty, SHELL: '/bin/sh' })).toEqual(loadConfig({}));
  });

  test('reads a large installation', () => {
    const config = loadConfig({
      ...server,
      HOST: '0.0.0.0',
      PORT: '8080',
      REDIS_URL: 'rediss://:pw@cache:6380',
      OLLAMA_URL: 'http://ollama:11434/',
      OLLAMA_CHAT_MODEL: 'qwen3',
      PUBLIC_URL: 'https://coach.example/',
      TRUSTED_PROXY_HOPS: '1',
    });
    expect(config).toMatchObject({
      port: 8080,
      publicUrl: 'https://coach.example',
      ollama: { url: 'http://ollama:11434', chatModel: 'qwen3', embedModel: 'nomic-embed-text', reembed: false },
      trustedProxyHops: 1,
      demo: false,
    });
    expect(config.masterKey).toEqual(new Uint8Array(32).fill(7));
  });

  test.each([
    ['PORT', '70000', 'must be at most 65535, not "70000"'],
    ['PORT', '-1', 'must be a whole number'],
    ['PORT', '3000.5', 'must be a whole number'],
    ['DATABASE_URL', 'mysql://db', 'must be a URL that starts with postgres://'],
    ['REDIS_URL', 'cache:6379', 'must be a URL that starts with redis://'],
    ['OLLAMA_URL', 'ollama', 'must be a URL that starts with http://'],
    ['MASTER_KEY', 'c2hvcnQ=', 'must be 32 bytes in base64'],
    ['MASTER_KEY', `${key}${key}`, 'must be 32 bytes in base64'],
    ['PUBLIC_URL', 'ftp://coach.example', 'must be a URL that starts with http://'],
    ['TRUSTED_PROXY_HOPS', 'one', 'must be a whole number'],
    ['LOG_LEVEL', 'verbose', 'must be debug, info, warn, error or silent'],
    ['CLOCK_RATE', '0', 'must be at least 1'],
    ['CLOCK_RATE', '1.5', 'must be a whole number'],
    ['UPLOAD_MAX_BYTES', '20MB', 'must be a whole number'],
    ['DEMO', 'yes', 'must be true or false'],
  ])('refuses %s=%s', (name, value, words) => {
    expect(refusal({ [name]: value })).toContain(`${name} ${words}`);
  });

  test('reports every fault at once, one a line', () => {
    const lines = refusal({ PORT: 'x', LOG_LEVEL: 'x', DEMO: 'x' }).split('\n').slice(1);
    expect(lines.map((line) => line.trim().split(' ')[0])).toEqual(['PORT', 'LOG_LEVEL', 'DEMO']);
  });

  test('never repeats the value of a secret', () => {
    expect(refusal({ MASTER_KEY: 'hunter2', DATABASE_URL: 'hunter2', REDIS_URL: 'hunter2' })).not.toContain('hunter2');
  });

  test('refuses with a database server what only one node alone may do', () => {
    const words = refusal({ DATABASE_URL: server.DATABASE_URL, CLOCK_RATE: '60', DEMO: 'true' });
    for (const name of ['MASTER_KEY', 'CLOCK_RATE', 'DEMO']) expect(words).toContain(`\n  ${name} must`);
    expect(loadConfig({ ...server, CLOCK_RATE: '1', DEMO: 'false' }).databaseUrl).toBe(server.DATABASE_URL);
  });
});
