/** The process: environment → configuration → composition → serving, until a signal asks it to leave. */
import { compose, type Server } from './compose.ts';
import { loadConfig } from './config.ts';
import { AppError } from './errors.ts';
import { freePort } from './runtime/free-port.ts';
import { welcome } from './welcome.ts';

/** How long leaving may take, in milliseconds: requests under way, the effects that run, the last commits. */
const leaveMs = 25_000;

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

/** The first signal lets everything under way end; the second is the runtime's own and ends the process at once. */
function leaveOnSignal(server: Server, serving: { close(): Promise<void> }): void {
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
    process.once(signal, () => {
      // leave() catches everything itself.
      void leave(signal);
    });
  }
}
