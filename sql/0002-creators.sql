-- A creator is the tenant: a coach's workspace. Its own id is its tenant key.
create table creators (
  creator_id uuid primary key,
  name text not null,
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
select protect('creators');

-- A member signs in to one creator's workspace. The mail address is unique in the installation: it names the workspace at sign-in.
create table members (
  creator_id uuid not null references creators,
  id uuid not null,
  email text not null,
  display_name text not null,
  role text not null check (role in ('owner', 'editor', 'agent', 'viewer')),
  password_hash text not null,
  sessions_valid_after timestamptz not null default '-infinity',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id)
);
create unique index members_email on members (lower(email));
select protect('members');

-- A refresh family is one sign-in on one device. Its current token is derived from (id, generation), so nothing secret is stored.
create table refresh_families (
  creator_id uuid not null references creators,
  id uuid not null,
  member_id uuid not null,
  generation integer not null default 0,
  rotated_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  user_agent text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  foreign key (creator_id, member_id) references members (creator_id, id) on delete cascade
);
create index refresh_families_member on refresh_families (creator_id, member_id);
select protect('refresh_families');

-- Keys of the installation, not of a creator: only the owner role reads them. The private half is sealed.
create table signing_keys (
  kid text primary key,
  algorithm text not null,
  public_jwk jsonb not null,
  sealed_private_jwk text not null,
  active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Sign-in starts from a mail address before the creator is known.
create function routing.member_by_email(address text) returns table (creator_id uuid, member_id uuid)
language sql stable as $$
  select m.creator_id, m.id from public.members m where lower(m.email) = lower(address)
$$;
select expose('members', '{creator_id, id, email}');
select route('routing.member_by_email(text)');

-- A refresh token names its family, not its creator.
create function routing.family(family_id uuid) returns table (creator_id uuid)
language sql stable as $$
  select f.creator_id from public.refresh_families f where f.id = family_id
$$;
select expose('refresh_families', '{creator_id, id}');
select route('routing.family(uuid)');
create index refresh_families_id on refresh_families (id);
