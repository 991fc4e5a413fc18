/** Finds a port that is free at this moment, because the server's own address must be known before it listens. */
import { type AddressInfo, createServer } from 'node:net';

/** A free TCP port of the host. @throws Error with `code` EADDRNOTAVAIL, … when nothing can be bound there */
export async function freePort(host: string): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, host, resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
