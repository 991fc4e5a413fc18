/** A mail server on loopback that keeps what it is given: the part of RFC 5321 that a client needs. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';

/** A mail as it arrived: envelope recipient, headers and text, line breaks as in a file. */
export interface SunkMail {
  to: string;
  data: string;
}

/** Listens until the tests of the file have ended. `refuse` answers each delivery with a permanent failure. */
export async function mailSink(options: { refuse?: boolean } = {}) {
  const mails: SunkMail[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];

  function keep(mail: SunkMail): void {
    mails.push(mail);
    for (const { count, resolve } of waiting) if (mails.length >= count) resolve();
  }

  function serve(socket: Socket): void {
    let to = '';
    let data: string[] | null = null;
    const reply = (line: string) => socket.write(`${line}\r\n`);

    function endOfData(lines: readonly string[]): void {
      keep({ to, data: decode(lines.join('\r\n')) });
      data = null;
      reply('250 kept');
    }

    function command(line: string): void {
      const recipient = /^RCPT TO:\s*<(.*?)>/i.exec(line)?.[1];
      to = recipient ?? to;
      if (/^DATA/i.test(line)) data = [];
      if (data !== null) reply('354 go on');
      else reply(recipient !== undefined && options.refuse ? '550 no' : '250 ok');
    }

    function take(line: string): void {
      if (data === null) command(line);
      else if (line === '.') endOfData(data);
      else data.push(line);
    }

    reply('220 sink');
    socket.on('error', () => {
      // the client went away
    });
    createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY }).on('line', take);
  }

  const server = createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => server.close());

  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    /** Resolves when so many mails have arrived in all. */
    async arrived(count: number): Promise<void> {
      if (mails.length >= count) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ count, resolve });
      await promise;
    },
    /** The newest mail to an address, with the token in it. */
    latest(to: string): { text: string; token: string } {
      const text = mails.findLast((mail) => mail.to === to)?.data ?? '';
      return { text, token: tokenIn(text) };
    },
    /** The tokens in all mails to an address. */
    tokens: (to: string): string[] => mails.filter((mail) => mail.to === to).map(({ data }) => tokenIn(data)),
  };
}

function tokenIn(text: string): string {
  return /#token=([\w-]+)/.exec(text)?.[1] ?? '';
}

/** Undoes quoted-printable (RFC 2045 §6.7). */
function decode(data: string): string {
  const body = data.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(body, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
}
