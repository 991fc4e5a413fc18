-- The installation's key for Web Push (RFC 8292), made once: another one would void every subscription. Only the owner role reads it.
create table push_keys (
  public_key text primary key,
  sealed_private_jwk text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- A browser that may be told of messages of a conversation. told_seq is the last message it was told of.
create table push_subscriptions (
  creator_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  endpoint text not null,
  p256dh text not null,
  auth text not null,
  told_seq bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  unique (creator_id, endpoint),
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
create index push_subscriptions_conversation on push_subscriptions (creator_id, conversation_id);
select protect('push_subscriptions');

-- Whether a turn that says something plans a push. It is read with the conversation, so that turns of the others cost nothing.
alter table conversations add column wants_push boolean not null default false;
