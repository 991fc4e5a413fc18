-- A connection is one creator's account on an outside channel. account is the provider's own name of it: a phone number id, a bot id.
-- The secrets are sealed with the connection's id as context; settings holds what members may read.
create table connections (
  creator_id uuid not null references creators,
  id uuid not null,
  channel text not null check (channel in ('whatsapp', 'telegram', 'webhook')),
  account text not null,
  name text not null default '',
  settings jsonb not null default '{}',
  sealed_secrets text not null,
  status text not null default 'active' check (status in ('active', 'disabled')),
  reason text,
  -- nothing is sent before this wall time: the provider asked for silence
  parked_until timestamptz not null default 'epoch',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  unique (creator_id, channel, account)
);
create unique index connections_id on connections (id);
create index connections_account on connections (channel, account);
select protect('connections');

-- Where the person was last heard: the connection that messages leave by. Null for the widget, whose sockets read the record.
alter table conversations add column connection_id uuid;
alter table conversations add foreign key (creator_id, connection_id) references connections (creator_id, id) on delete set null (connection_id);
create index conversations_connection on conversations (creator_id, connection_id);

-- An address is an identity as one connection reaches it: the conversation it speaks in, until when free text may be sent
-- (conversation time), and why it cannot be reached. strikes counts refusals that mean little once and much thrice.
create table addresses (
  creator_id uuid not null,
  connection_id uuid not null,
  external_id text not null,
  conversation_id uuid not null,
  phone text,
  window_expires_at timestamptz not null default '-infinity',
  unreachable text,
  strikes integer not null default 0,
  struck_at timestamptz not null default 'epoch',
  hinted_at timestamptz not null default 'epoch',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, connection_id, external_id),
  foreign key (creator_id, connection_id) references connections (creator_id, id) on delete cascade,
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
create index addresses_conversation on addresses (creator_id, conversation_id);
select protect('addresses');

-- What became of a message outside, one row for each bubble the provider got (a long message is several). rank only grows: late and
-- repeated news changes nothing.
create table deliveries (
  creator_id uuid not null,
  conversation_id uuid not null,
  seq bigint not null,
  part integer not null,
  connection_id uuid not null,
  status text not null check (status in ('queued', 'sending', 'uncertain', 'sent', 'failed', 'delivered', 'read', 'played')),
  rank smallint not null,
  provider_id text,
  reason text,
  attempts integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, conversation_id, seq, part),
  foreign key (creator_id, conversation_id, seq) references messages (creator_id, conversation_id, seq) on delete cascade,
  foreign key (creator_id, connection_id) references connections (creator_id, id) on delete cascade
);
create index deliveries_provider on deliveries (creator_id, connection_id, provider_id);
create index deliveries_dead on deliveries (creator_id, updated_at) where status in ('failed', 'uncertain');
select protect('deliveries');

-- Every word of a provider about a message, also one that came before our own send returned, or about a message we do not know.
create table delivery_reports (
  creator_id uuid not null,
  connection_id uuid not null,
  provider_id text not null,
  status text not null,
  rank smallint not null,
  reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, connection_id, provider_id, status),
  foreign key (creator_id, connection_id) references connections (creator_id, id) on delete cascade
);
select protect('delivery_reports');

-- A provider's request names a connection by its path, not a creator.
create function routing.connection(connection_id uuid) returns table (creator_id uuid)
language sql stable as $$
  select c.creator_id from public.connections c where c.id = connection_id
$$;
-- One Meta app may serve the numbers of several creators with one address: each change names its number. Whose secret signed it decides.
create function routing.connections_of_account(channel_name text, account_name text) returns table (creator_id uuid, id uuid)
language sql stable as $$
  select c.creator_id, c.id from public.connections c where c.channel = channel_name and c.account = account_name order by c.created_at limit 20
$$;
select expose('connections', '{creator_id, id, channel, account, created_at}');
select route('routing.connection(uuid)');
select route('routing.connections_of_account(text, text)');
