/** The server as it is composed for service, over an embedded database of its own, called as a function: no port, no network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { compose } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';
import type { Log } from '../../src/log.ts';
import { upgradeWebSocket } from '../../src/runtime/node.ts';

/** Ends after the last test of the file. */
export async function wholeServer(environment: Record<string, string> = {}, log?: Log) {
  const folder = await mkdtemp(join(tmpdir(), 'companero-whole-'));
  const { HOT_CONVERSATIONS } = process.env;
  const config = loadConfig({ DATA_DIR: folder, DEMO: 'false', LOG_LEVEL: 'silent', HOT_CONVERSATIONS, ...environment });
  let address = 0;
  // Each request comes from an address of its own, or limits by address would be all that a test meets.
  const connInfo = () => ({ remote: { address: `198.51.${(address++ >> 8) & 255}.${address & 255}` } });
  const server = await compose(config, { upgradeWebSocket, connInfo, port: 3000, ...(log && { log }) });
  await server.start();
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Asks as the bearer of a token, or as nobody, with a form or with what becomes JSON. */
  async function ask(token: string | null, method: string, path: string, json?: unknown, headers: Record<string, string> = {}) {
    const response = await server.app.request(path, {
      method,
      headers: {
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(json === undefined || json instanceof FormData ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: json instanceof FormData ? json : JSON.stringify(json) }),
    });
    return response;
  }
  return { ...server, folder, ask };
}
