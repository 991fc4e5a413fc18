/** A row of every tenant table, to try each operation on: what the table test is made of. */
import type { Sql } from '../../src/database.ts';
import { type CreatorId, systemIds } from '../../src/ids.ts';

/** How to add a row to a table for a creator, whose rows in `from` are those added before. `change` is an update that keeps the row valid. */
export interface TenantTable {
  insert: string;
  /** Names of values of `Values`, in the order of the statement's parameters after `$1`, the creator. */
  values: readonly (keyof Values)[];
  /** Whether the application may neither change nor remove a row, not even its own. */
  appendOnly?: true;
}

/** The ids that rows of one creator refer to. */
export interface Values {
  member: string;
  family: string;
  program: string;
  contact: string;
  session: string;
  conversation: string;
  connection: string;
  document: string;
  message: string;
}

export function newValues(): Values {
  const id = () => systemIds.uuid();
  return {
    member: id(),
    family: id(),
    program: id(),
    contact: id(),
    session: id(),
    conversation: id(),
    connection: id(),
    document: id(),
    message: id(),
  };
}

/** Every tenant table, parents first. The test compares it with the catalogue: a new table needs a line here. */
export const tenantTables: Readonly<Record<string, TenantTable>> = {
  creators: { insert: "insert into creators (creator_id, name) values ($1, 'n')", values: [] },
  members: {
    insert:
      "insert into members (creator_id, id, email, display_name, role, password_hash) values ($1, $2::uuid, $2::uuid || '@x.test', 'd', 'owner', 'h')",
    values: ['member'],
  },
  refresh_families: {
    insert: 'insert into refresh_families (creator_id, id, member_id, expires_at) values ($1, $2, $3, now())',
    values: ['family', 'member'],
  },
  programs: { insert: "insert into programs (creator_id, id, slug, draft) values ($1, $2, 's', '{}')", values: ['program'] },
  program_versions: {
    insert: "insert into program_versions (creator_id, program_id, version, hash, definition) values ($1, $2, 1, 'h', '{}')",
    values: ['program'],
  },
  program_migrations: {
    insert: "insert into program_migrations (creator_id, program_id, from_version, to_version, policy) values ($1, $2, 1, 1, 'move')",
    values: ['program'],
  },
  contacts: { insert: 'insert into contacts (creator_id, id) values ($1, $2)', values: ['contact'] },
  identities: {
    insert: "insert into identities (creator_id, channel, external_id, contact_id) values ($1, 'widget', 'e', $2)",
    values: ['contact'],
  },
  conversations: {
    insert: "insert into conversations (creator_id, id, session_id, contact_id, channel) values ($1, $2, $3, $4, 'widget')",
    values: ['conversation', 'session', 'contact'],
  },
  kept_snapshots: {
    insert: 'insert into kept_snapshots (creator_id, conversation_id, version, program_id, program_version) values ($1, $2, 1, $3, 1)',
    values: ['conversation', 'program'],
  },
  inputs: {
    insert:
      "insert into inputs (creator_id, conversation_id, input_id, turn, kind, payload, result) values ($1, $2, 'i', 1, 'message', '{}', '{}')",
    values: ['conversation'],
  },
  messages: {
    insert: "insert into messages (creator_id, conversation_id, seq, id, role, class, body) values ($1, $2, 1, $3, 'coach', 'reply', '{}')",
    values: ['conversation', 'message'],
  },
  read_marks: {
    insert: 'insert into read_marks (creator_id, conversation_id, seq) values ($1, $2, 1)',
    values: ['conversation'],
  },
  timers: {
    insert: "insert into timers (creator_id, conversation_id, timer_id, generation, due_at) values ($1, $2, 't', 1, now())",
    values: ['conversation'],
  },
  effects: {
    insert:
      "insert into effects (creator_id, id, conversation_id, type, lane, position, params) values ($1, 'e', $2, 'send', 'l', 1, '{}')",
    values: ['conversation'],
  },
  awards: {
    insert: "insert into awards (creator_id, contact_id, award_id, conversation_id, kind, name) values ($1, $2, 'a', $3, 'points', 'n')",
    values: ['contact', 'conversation'],
  },
  broadcasts: {
    insert: "insert into broadcasts (creator_id, id, filter, message, at) values ($1, $2, '', '{}', 'now')",
    values: ['message'],
  },
  broadcast_recipients: {
    insert:
      'insert into broadcast_recipients (creator_id, broadcast_id, contact_id, conversation_id, due_at) values ($1, $2, $3, $4, now())',
    values: ['message', 'contact', 'conversation'],
  },
  media: {
    insert:
      "insert into media (creator_id, id, conversation_id, kind, type, name, bytes) values ($1, $2, $3, 'image', 'image/png', 'n', 1)",
    values: ['message', 'conversation'],
  },
  connections: {
    insert: "insert into connections (creator_id, id, channel, account, sealed_secrets) values ($1, $2, 'telegram', 'a', 's')",
    values: ['connection'],
  },
  addresses: {
    insert: "insert into addresses (creator_id, connection_id, external_id, conversation_id) values ($1, $2, 'e', $3)",
    values: ['connection', 'conversation'],
  },
  deliveries: {
    insert:
      "insert into deliveries (creator_id, conversation_id, seq, part, connection_id, status, rank) values ($1, $2, 1, 0, $3, 'sent', 2)",
    values: ['conversation', 'connection'],
  },
  delivery_reports: {
    insert: "insert into delivery_reports (creator_id, connection_id, provider_id, status, rank) values ($1, $2, 'p', 'sent', 2)",
    values: ['connection'],
  },
  documents: {
    insert: "insert into documents (creator_id, id, title, kind, bytes, hash, file) values ($1, $2, 't', 'text', 1, 'h', 'f')",
    values: ['document'],
  },
  chunks: {
    insert:
      "insert into chunks (creator_id, document_id, position, text, start_at, end_at, tokens, length) values ($1, $2, 0, 't', 0, 1, 1, 1)",
    values: ['document'],
  },
  postings: {
    insert:
      "insert into postings (creator_id, lexeme, document_id, generation, first, positions, frequencies, lengths) values ($1, 'l', $2, 0, 0, '{0}', '{1}', '{1}')",
    values: ['document'],
  },
  embeddings: {
    insert: "insert into embeddings (creator_id, document_id, position, model, dimensions, embedding) values ($1, $2, 0, 'm', 2, '[1,2]')",
    values: ['document'],
  },
  knowledge_versions: { insert: 'insert into knowledge_versions (creator_id, version) values ($1, 0) on conflict do nothing', values: [] },
  collections: {
    insert: "insert into collections (creator_id, name, chunk_tokens, chunk_overlap) values ($1, 'c', 500, 100)",
    values: [],
  },
  prompts: { insert: "insert into prompts (creator_id, version, template) values ($1, 1, 't')", values: [] },
  model_choices: { insert: 'insert into model_choices (creator_id) values ($1)', values: [] },
  answer_records: {
    insert:
      "insert into answer_records (creator_id, id, conversation_id, question, answer, grounded, degraded, cached, model, prompt_version, passages, duration_ms) values ($1, $2, $3, 'q', 'a', true, false, false, 'm', 'p', '[]', 1)",
    values: ['message', 'conversation'],
  },
  mail_tokens: {
    insert: "insert into mail_tokens (creator_id, digest, member_id, purpose, email, expires_at) values ($1, 'd', $2, 'reset', 'e', now())",
    values: ['member'],
  },
  api_keys: {
    insert: "insert into api_keys (creator_id, id, member_id, name, scopes, digest) values ($1, $2, $3, 'n', '{}', 'd')",
    values: ['family', 'member'],
  },
  audit: {
    insert:
      "insert into audit (creator_id, seq, action, outcome, actor_kind, previous_hash, hash) values ($1, 1, 'a', 'done', 'system', '', 'h')",
    values: [],
    appendOnly: true,
  },
  erasures: { insert: 'insert into erasures (creator_id, id) values ($1, $2)', values: ['family'] },
  consent_records: {
    insert: "insert into consent_records (creator_id, contact_id, purpose, granted) values ($1, $2, 'p', true)",
    values: ['contact'],
  },
  retention: { insert: 'insert into retention (creator_id) values ($1)', values: [] },
  webhooks: {
    insert: "insert into webhooks (creator_id, id, url, events, sealed_secret) values ($1, $2, 'u', '{}', 's')",
    values: ['family'],
  },
  program_secrets: {
    insert: "insert into program_secrets (creator_id, id, name, host, header, sealed_secret) values ($1, $2, 'n', 'h', 'h', 's')",
    values: ['family'],
  },
  push_subscriptions: {
    insert: "insert into push_subscriptions (creator_id, id, conversation_id, endpoint, p256dh, auth) values ($1, $2, $3, 'e', 'p', 'a')",
    values: ['family', 'conversation'],
  },
  idempotency_keys: {
    insert: "insert into idempotency_keys (creator_id, route, asker, key, claimed_at) values ($1, 'r', '', 'k', now())",
    values: [],
  },
  webhook_deliveries: {
    insert: "insert into webhook_deliveries (creator_id, webhook_id, event, payload) values ($1, $2, 'message', '{}')",
    values: ['family'],
  },
};

/** Adds a row of the table in the name of `creator`, referring to the rows named by `values`. */
export async function addRow(sql: Sql, table: string, creator: CreatorId, values: Values): Promise<void> {
  const spec = tenantTables[table];
  if (spec === undefined) throw new Error(`Add table "${table}" to test/rls/tenant-tables.ts`);
  await sql(spec.insert, [creator, ...spec.values.map((name) => values[name])]);
}
