/** Mailboxes: the inputs of a conversation in the order they came, one turn at a time. An idle conversation has no mailbox. */
import { createAdmission } from './admission.ts';
import type { ConversationKey, Mailboxes } from './input.ts';
import type { Turns, Waiting } from './turn.ts';
import { createTurnstile, mostOfHerd } from './turnstile.ts';

/** Inputs that may share one commit. */
const turnSize = 32;

/** The mailboxes of this process. What people do and what timers do passes by different turnstiles. */
export function createMailboxes(
  turns: Turns,
  admission = createAdmission(),
  turnstile = createTurnstile(),
  herds = createTurnstile(mostOfHerd),
): Mailboxes {
  // Not a Map: one that is deleted from with every turn is made anew all the time, and the ones before keep alive what they held.
  const mailboxes: Record<string, Waiting[]> = Object.create(null);

  async function work(name: string, key: ConversationKey, mailbox: Waiting[]): Promise<void> {
    while (mailbox.length > 0) {
      const gate = mailbox[0]?.input.kind === 'timer' ? herds : turnstile;
      await gate.enter(key.creatorId);
      await turns.settle(key, mailbox.splice(0, turnSize));
      gate.leave(key.creatorId);
    }
    delete mailboxes[name];
  }

  return {
    async deliver(key, input) {
      const name = `${key.creatorId}:${key.conversationId}`;
      const mailbox = mailboxes[name];
      const leave = admission.enter(key.creatorId, mailbox?.length ?? 0);
      try {
        return await new Promise((resolve, reject) => {
          const waiting = { input, resolve, reject };
          if (mailbox) {
            mailbox.push(waiting);
            return;
          }
          const opened = [waiting];
          mailboxes[name] = opened;
          // Every input is resolved or rejected by its turn, which itself never rejects.
          void work(name, key, opened);
        });
      } finally {
        leave();
      }
    },
  };
}
