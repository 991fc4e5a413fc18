/** Ids of people that change. */
import { beforeEach, expect, it } from 'vitest';
import type { Sql } from '../../src/database.ts';
import { type ContactId, type ConversationId, type CreatorId, type SessionId, systemIds } from '../../src/ids.ts';
import { conversationAt, meetAddress, renameAddress } from '../../src/store/identities.ts';
import { emptyDatabase, testCreator, testDatabase } from '../support/database.ts';

const db = await testDatabase();
let creatorId: CreatorId;
let connectionId: string;

beforeEach(async () => {
  await emptyDatabase(db);
  creatorId = await testCreator(db);
  connectionId = systemIds.uuid();
  await db.tenant(creatorId, (sql) =>
    sql(
      `insert into connections (creator_id, id, channel, account, name, sealed_secrets, settings) values ($1, $2, 'whatsapp', 'a', '', '', '{}')`,
      [creatorId, connectionId],
    ),
  );
});

const key = (externalId: string) => ({ creatorId, connectionId, externalId });

async function meet(externalId: string): Promise<ConversationId> {
  return meetAddress(db.routing, {
    ...key(externalId),
    channel: 'whatsapp',
    sessionId: systemIds.uuid<SessionId>(),
    conversationId: systemIds.uuid<ConversationId>(),
    contactId: systemIds.uuid<ContactId>(),
    name: '',
    language: null,
    phone: null,
    windowExpiresAt: null,
    at: 0,
  });
}

/** Renames, and counts the statements it takes. */
async function rename(externalId: string, formerId: string): Promise<number> {
  let count = 0;
  await db.tenant(creatorId, (sql) => {
    const counted = ((text, values) => {
      count += 1;
      return sql(text, values);
    }) as Sql;
    return renameAddress(counted, 'whatsapp', key(externalId), formerId);
  });
  return count;
}

const contacts = () =>
  db.tenant(creatorId, (sql) =>
    sql<{ contact: string }>('select distinct contact_id as contact from identities where channel = $1', ['whatsapp']),
  );

it('leads to the conversation it led to before, and asks no more than that afterwards', async () => {
  const conversation = await meet('351911000111');
  await rename('PT.1', '351911000111');
  expect(await db.tenant(creatorId, (sql) => conversationAt(sql, key('PT.1')))).toBe(conversation);
  expect(await db.tenant(creatorId, (sql) => conversationAt(sql, key('351911000111')))).toBeNull();
  expect(await rename('PT.1', '351911000111')).toBe(1);
});

it('makes one person of two ids that were heard apart, and asks no more than that afterwards', async () => {
  const conversation = await meet('PT.1');
  await meet('351911000111');
  expect(await contacts()).toHaveLength(2);
  await rename('PT.1', '351911000111');
  expect(await contacts()).toHaveLength(1);
  expect(await db.tenant(creatorId, (sql) => conversationAt(sql, key('PT.1')))).toBe(conversation);
  expect(await rename('PT.1', '351911000111')).toBe(1);
});
