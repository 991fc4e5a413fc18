-- What programs send with their calls to one host, such as a token: sealed, and never given back. `header` names where it goes.
create table program_secrets (
  creator_id uuid not null references creators,
  id uuid not null,
  name text not null,
  host text not null,
  header text not null,
  sealed_secret text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  unique (creator_id, name)
);
select protect('program_secrets');
