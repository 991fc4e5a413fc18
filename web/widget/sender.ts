/** Sends the outbox in order, one item at a time, each until it is acknowledged. */
import type { Clock } from '../../src/clock.ts';
import type { AfterClose } from './closing.ts';
import type { Connection } from './connection.ts';
import type { Outbox, OutboxItem } from './outbox.ts';

/** What the sender needs, and whom it tells. */
export interface SenderDeps {
  clock: Pick<Clock, 'now' | 'after'>;
  outbox: Outbox;
  connection: Pick<Connection, 'send' | 'reopen' | 'state'>;
  /** This tab's own name. */
  tab: string;
  onChanged: () => void;
}

/** The way of the contact's words to the server. */
export interface Sender {
  add(item: Pick<OutboxItem, 'id' | 'text' | 'button' | 'attachments'>): void;
  /** Sends what can be sent now. */
  pump(): void;
  /** The item is on record, or given up: it leaves the outbox. */
  delivered(id: string): void;
  /** The server would not have it: it is tried again when the code says that this may help, else it waits for the contact. */
  refused(id: string, code: string, retryAfterMs: number): void;
  /** Sends a refused item again, as if it were new. */
  retry(id: string): void;
  /** The socket is gone; says whether the item in flight is to blame. */
  interrupted(blames: AfterClose['blames']): void;
  /** Another tab changed the outbox. */
  othersChanged(): void;
  stop(): void;
}

const ackWithinMs = 10_000;
/** How long another tab may take over its own item before this one sends it too; the server takes the same id once. */
const adoptAfterMs = 5_000;
const passingCodes = new Set(['RATE_LIMITED', 'UNAVAILABLE', 'OVERLOADED', 'INTERNAL']);
const triesOfPassing = 5;

/** Nothing is sent before `pump` or `add`. */
export function createSender(deps: SenderDeps): Sender {
  const { clock, outbox, connection } = deps;
  let inFlight: string | null = null;
  let suspect: string | null = null;
  let tries = { id: '', count: 0 };
  let order = 0;
  let cancelAck = () => {};
  let cancelAdoption = () => {};

  function pump(): void {
    cancelAdoption();
    if (inFlight !== null || connection.state !== 'online') return;
    const open = outbox.list().filter((item) => item.refused === undefined);
    const next = open.find(isOurs);
    if (next !== undefined) send(next);
    else if (open.length > 0) cancelAdoption = clock.after(adoptAfterMs, pump);
  }

  function isOurs(item: OutboxItem): boolean {
    return item.tab === deps.tab || clock.now() - item.at >= adoptAfterMs;
  }

  function send(item: OutboxItem): void {
    const { id, text, button, attachments } = item;
    const isSent = connection.send(
      button
        ? { type: 'button', id, message_seq: button.seq, button: button.id }
        : { type: 'message', id, text, ...(attachments && { attachments: attachments.map((file) => file.id) }) },
    );
    if (!isSent) return;
    inFlight = id;
    // A socket that carries nothing may look open for minutes: a missing ack finds it out.
    cancelAck = clock.after(ackWithinMs, () => connection.reopen());
  }

  function settle(id: string): void {
    if (inFlight !== id) return;
    cancelAck();
    inFlight = null;
  }

  function change(id: string, edit: (item: OutboxItem) => OutboxItem): void {
    const item = outbox.list().find((candidate) => candidate.id === id);
    if (item !== undefined) outbox.put(edit(item));
    deps.onChanged();
  }

  function refused(id: string, code: string, retryAfterMs: number): void {
    tries = { id, count: tries.id === id ? tries.count + 1 : 1 };
    if (passingCodes.has(code) && tries.count < triesOfPassing && inFlight === id) {
      // It stays in flight, so that nothing overtakes it.
      cancelAck();
      cancelAck = clock.after(Math.max(retryAfterMs, 500 * 2 ** tries.count), again);
      return;
    }
    settle(id);
    change(id, (item) => ({ ...item, refused: code }));
    pump();
  }

  function again(): void {
    inFlight = null;
    pump();
  }

  return {
    add(item) {
      outbox.put({ ...item, at: clock.now(), order: order++, tab: deps.tab });
      deps.onChanged();
      pump();
    },
    pump() {
      // A fresh socket: what the old one carried is sent again.
      cancelAck();
      again();
    },
    delivered(id) {
      settle(id);
      outbox.remove(id);
      deps.onChanged();
      pump();
    },
    refused,
    retry(id) {
      change(id, ({ refused: _, ...item }) => ({ ...item, at: clock.now(), order: order++, tab: deps.tab }));
      pump();
    },
    interrupted(blames) {
      const id = inFlight;
      cancelAck();
      inFlight = null;
      if (id === null || blames === 'never') return;
      if (blames === 'always' || suspect === id) refused(id, blames === 'always' ? 'TOO_LARGE' : 'INVALID_INPUT', 0);
      else suspect = id;
    },
    othersChanged() {
      const isGone = inFlight !== null && outbox.list().every((item) => item.id !== inFlight);
      if (isGone) settle(inFlight ?? '');
      pump();
    },
    stop() {
      cancelAck();
      cancelAdoption();
    },
  };
}
