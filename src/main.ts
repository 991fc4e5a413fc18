/** The process: environment → configuration → composition → serving, until a signal asks it to leave. */
import { compose, type Server } from './compose.ts';
import { loadConfig } from './config.ts';
import { AppError } from './errors.ts';
import { freePort } from './runtime/free-port.ts';
import { welcome } from './welcome.ts';

/** How long leaving may take, in milliseconds: requests under way, the effects that run, the last commits. */
const leaveMs = 25_000;
/** How long after the first signal another one is taken for the same one, passed on, in milliseconds. */
const echoMs = 1_000;

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof AppError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const runtime = 'Deno' in globalThis ? await import('./runtime/deno.ts') : await import('./runtime/node.ts');
  const config = loadConfig(process.env);
  const port = await freePort(config.host, config.port);
  const server = await compose(config, { ...runtime, port });
  const serving = await runtime.serve({ app: server.app, sockets: server.sockets, host: config.host, port, log: server.log });
  leaveOnSignal(server, serving);
  const demo = await server.start();
  process.stdout.write(welcome(server.origin, demo));
}

/**
 * The first signal lets everything under way end; another ends the process at once, unless it comes within a second:
 * npm and deno pass a signal on that the terminal has sent to the server as well.
 */
function leaveOnSignal(server: Server, serving: { close(): Promise<void> }): void {
  let leftAt: number | undefined;
  const leave = async (signal: string) => {
    server.log.info('server.leaving', { signal });
    setTimeout(() => process.exit(1), leaveMs).unref();
    try {
      await serving.close();
      await server.stop();
      server.log.info('server.left');
      process.exit(0);
    } catch (error) {
      server.log.error('server.left_badly', error);
      process.exit(1);
    }
  };
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => {
      if (leftAt !== undefined) {
        if (performance.now() - leftAt > echoMs) process.exit(1);
        return;
      }
      leftAt = performance.now();
      // leave() catches everything itself.
      void leave(signal);
    });
  }
}
