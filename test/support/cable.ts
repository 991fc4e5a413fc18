/** A cable to a server on loopback that can be cut without a word: what is sent stays on its way, and nobody hears that it does. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** A cable that is plugged in. */
export interface Cable {
  /** The port at which the server is reached through it. */
  port: number;
  /** From now on nothing arrives, in neither direction, and new connections get no answer. */
  cut(): void;
  /** What was on its way arrives, and everything after it. */
  mend(): void;
  close(): Promise<void>;
}

/** Plugs in a cable to a port. */
export async function plugIn(to: number): Promise<Cable> {
  const ends = new Set<Socket>();
  let isCut = false;

  function pass(from: Socket, into: Socket): void {
    ends.add(from);
    from.on('data', (piece) => into.write(piece));
    from.on('end', () => into.end());
    from.on('error', () => into.destroy());
    from.on('close', () => {
      ends.delete(from);
      into.destroy();
    });
    if (isCut) from.pause();
  }

  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const end of ends) end.pause();
    },
    mend() {
      isCut = false;
      for (const end of ends) end.resume();
    },
    async close() {
      for (const end of ends) end.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
