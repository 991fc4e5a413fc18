-- Requests that came with an Idempotency-Key: what was asked, and for a day what was answered. One without a status is under way since
-- claimed_at. conversation_id is set where the answer tells of a conversation, so that an erasure reaches it.
create table idempotency_keys (
  creator_id uuid not null references creators,
  route text not null,
  asker text not null,
  key text not null,
  conversation_id uuid,
  claimed_at timestamptz not null,
  fingerprint text,
  status integer,
  sealed_answer text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, route, asker, key)
);
create index idempotency_keys_claimed on idempotency_keys (creator_id, claimed_at);
select protect('idempotency_keys');
