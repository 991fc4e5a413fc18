/** What a provider's refusal changes on record beyond the message: the window, the person, the account. */
import type { Sql } from '../database.ts';
import { disableConnection, parkConnection } from '../store/connections.ts';
import { type AddressKey, closeWindow, markUnreachable, strike } from '../store/identities.ts';
import type { Refusal } from './channel.ts';

type Apply = (sql: Sql, key: AddressKey, refusal: Refusal, wall: number) => Promise<void>;

const effects: Partial<Readonly<Record<Refusal['does'], Apply>>> = {
  window: (sql, key) => closeWindow(sql, key),
  strike: (sql, key, { code }, wall) => strike(sql, key, code, wall),
  unreachable: (sql, key, { code }) => markUnreachable(sql, key, code),
  disable: (sql, { creatorId, connectionId }, { code }) => disableConnection(sql, creatorId, connectionId, code),
  park: (sql, { creatorId, connectionId }, { afterMs = 1_000 }, wall) => parkConnection(sql, creatorId, connectionId, wall + afterMs),
};

/** Writes down what follows from a refusal; the same one twice (in the answer and in a status) changes nothing more. @param wall milliseconds since 1970 */
export async function applyRefusal(sql: Sql, key: AddressKey, refusal: Refusal, wall: number): Promise<void> {
  await effects[refusal.does]?.(sql, key, refusal, wall);
}
