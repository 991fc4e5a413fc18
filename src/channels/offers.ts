/** The buttons that stand under messages of a conversation: whoever presses one must have been offered it. */
import type { Message, MessageBody } from '../message.ts';

/** A button as it was offered. */
export type Offered = NonNullable<MessageBody['buttons']>[number];

/** The offers of one conversation, as one socket knows them. */
export interface Offers {
  /** Takes note of a message that was given to the client. */
  gave(message: Message): void;
  /** The button of this id under the message of this number; null where none was offered. Reads the record for any but the newest offer. */
  find(seq: number, button: string): Promise<Offered | null>;
}

/** @param read messages after `seq`, oldest first, at most `most` */
export function createOffers(read: (after: number, most: number) => Promise<readonly Message[]>): Offers {
  let newest: Message | null = null;

  return {
    gave(message) {
      if (message.body.buttons !== undefined) newest = message;
    },
    async find(seq, button) {
      const message = newest?.seq === seq ? newest : (await read(seq - 1, 1))[0];
      return (message?.seq === seq && message.body.buttons?.find(({ id }) => id === button)) || null;
    },
  };
}
