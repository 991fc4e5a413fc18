/** Finds out whether a port can be bound before anything else is opened: the server must know its own address early, and fail early. */
import { type AddressInfo, createServer } from 'node:net';
import { AppError } from '../errors.ts';

/**
 * A TCP port of the host that is free at this moment.
 *
 * @param wanted 0 takes any
 * @throws AppError UNAVAILABLE when it cannot be bound
 */
export async function freePort(host: string, wanted: number): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new AppError('UNAVAILABLE', `Choose another HOST or PORT: cannot listen on "${host}", port ${wanted} (${cause.code})`, { cause }),
      ),
    );
    probe.listen(wanted, host, resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
