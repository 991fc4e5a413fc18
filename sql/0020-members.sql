-- A suspended workspace keeps its rows and can do nothing: no sign-in, no contact, no pending job.
alter table creators add column suspended_at timestamptz;

-- A member without a password was invited and has not come yet; one without a proved address has not confirmed it.
alter table members alter column password_hash drop not null;
alter table members add column email_verified_at timestamptz default now();

-- When the member last proved the password in this sign-in: sensitive acts ask for a recent proof.
alter table refresh_families add column authenticated_at timestamptz not null default now();

-- What a mail carries: used once, for one purpose, while the member has the address it was sent to. Only the digest is kept.
create table mail_tokens (
  creator_id uuid not null,
  digest text not null,
  member_id uuid not null,
  purpose text not null check (purpose in ('confirm', 'reset', 'invite')),
  email text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, digest),
  foreign key (creator_id, member_id) references members (creator_id, id) on delete cascade
);
create index mail_tokens_member on mail_tokens (creator_id, member_id);
select protect('mail_tokens');

-- A key for programs of a creator's own. It can do what its scopes name and the member who made it may do, no more.
create table api_keys (
  creator_id uuid not null,
  id uuid not null,
  member_id uuid not null,
  name text not null,
  scopes text[] not null,
  digest text not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  foreign key (creator_id, member_id) references members (creator_id, id) on delete cascade
);
create index api_keys_member on api_keys (creator_id, member_id);
select protect('api_keys');

-- Operators of the installation: made by a command on its machine only, never by a request. They own no tenant row.
create table operators (
  id uuid primary key,
  name text not null,
  digest text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
