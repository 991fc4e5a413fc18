/** Mail to members: the port, its adapter over SMTP, and what the mails say. */
import { createTransport } from 'nodemailer';
import type { Log } from '../log.ts';

/** One mail, plain text. */
export interface Letter {
  to: string;
  subject: string;
  text: string;
}

/** Sends in the background: how long a server takes must not tell a client which addresses are known. */
export interface Mail {
  send(letter: Letter): void;
  /** Waits for what is under way, and ends the connections. */
  close(): Promise<void>;
}

/**
 * Mail over SMTP, tried three times.
 *
 * @param url `smtp://user:password@host:port` or `smtps://…`
 * @param from the sender's address
 */
export function createSmtpMail({ url, from, log }: { url: string; from: string; log: Log }): Mail {
  const transport = createTransport({ url, pool: true, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 });
  const underWay = new Set<Promise<void>>();

  async function deliver(letter: Letter): Promise<void> {
    for (let attempt = 1; attempt <= 3; attempt++) {
      try {
        await transport.sendMail({ from, ...letter });
        return;
      } catch (error) {
        // The server's own words may repeat the address: only the code is logged.
        log.warn('mail.failed', { attempt, code: (error as { code?: string }).code });
      }
    }
  }

  return {
    send(letter) {
      const sending = deliver(letter).finally(() => underWay.delete(sending));
      underWay.add(sending);
    },
    async close() {
      await Promise.all(underWay);
      transport.close();
    },
  };
}

/** What the mails say. `base` is the configured address of the installation: what a request claims its host is, is never read. */
export function letters(base: string) {
  const link = (page: string, token: string) => `${base}/account/${page}#token=${token}`;
  const letter = (to: string, subject: string, ...lines: string[]): Letter => ({ to, subject, text: `${lines.join('\n\n')}\n` });
  return {
    confirm: (to: string, token: string) =>
      letter(
        to,
        'Confirm your mail address',
        'Follow this link within ten minutes, and enter the password you chose:',
        link('confirm', token),
      ),
    known: (to: string) =>
      letter(
        to,
        'You have an account already',
        'Somebody, perhaps you, wanted to use this address for an account. It has one: sign in, or ask for a new password.',
        base,
      ),
    reset: (to: string, token: string) =>
      letter(
        to,
        'Choose a new password',
        'Follow this link within ten minutes. If you did not ask for it, do nothing.',
        link('reset', token),
      ),
    changed: (to: string) =>
      letter(to, 'Your password was changed', 'All your sessions have ended. If it was not you, ask for a new password at once.', base),
    address: (to: string, token: string) =>
      letter(
        to,
        'Confirm your new mail address',
        'Follow this link within ten minutes, and enter your password. If you did not ask for it, do nothing.',
        link('address', token),
      ),
    leaving: (to: string) =>
      letter(
        to,
        'Your mail address is about to change',
        'Somebody who knows your password asked to sign in with another address from now on. If it was not you, change your password at once.',
        base,
      ),
    left: (to: string) =>
      letter(
        to,
        'Your mail address was changed',
        'Your account has another address from now on. If it was not you, write to whoever runs this server.',
        base,
      ),
    invite: (to: string, workspace: string, token: string) =>
      letter(
        to,
        `Join ${workspace.replace(/[\r\n]+/g, ' ')}`,
        'You were invited to a workspace. Follow this link within seven days:',
        link('join', token),
      ),
  };
}
