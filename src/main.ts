/** The process: environment → configuration → composition → serving, until a signal asks it to leave. */
import { compose } from './compose.ts';
import { loadConfig } from './config.ts';
import { AppError } from './errors.ts';
import { freePort } from './runtime/free-port.ts';
import { welcome } from './welcome.ts';

/** How long leaving may take, in milliseconds: requests under way, the effects that run, the last commits. */
const leaveMs = 25_000;

try {
  await main();
} catch (error) {
  const expected = error instanceof AppError || (error instanceof Error && 'syscall' in error);
  process.stderr.write(`${expected ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const runtime = 'Deno' in globalThis ? await import('./runtime/deno.ts') : await import('./runtime/node.ts');
  const config = loadConfig(process.env);
  const port = config.port === 0 ? await freePort(config.host) : config.port;
  const server = await compose(config, { ...runtime, port });
  const serving = await runtime.serve({ app: server.app, sockets: server.sockets, host: config.host, port, log: server.log });
  const demo = await server.start();
  process.stdout.write(welcome(server.origin, demo));

  let leaving = false;
  const leave = (signal: string) => {
    if (leaving) return;
    leaving = true;
    server.log.info('server.leaving', { signal });
    setTimeout(() => process.exit(1), leaveMs).unref();
    serving
      .close()
      .then(() => server.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          server.log.error('server.left_badly', error);
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
}
