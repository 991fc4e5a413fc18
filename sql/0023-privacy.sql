-- An erasure is a job: it names whom to forget and stays, without anything personal, as the proof that it was done. No reference to
-- creators or contacts: it outlives both. Without a contact it means the whole workspace.
create table erasures (
  creator_id uuid not null,
  id uuid not null,
  contact_id uuid,
  status text not null default 'queued' check (status in ('queued', 'done')),
  attempts integer not null default 0,
  leased_until timestamptz not null default 'epoch',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id)
);
create unique index erasures_subject on erasures (creator_id, coalesce(contact_id, creator_id)) where status = 'queued';
create index erasures_waiting on erasures (leased_until) where status = 'queued';
select protect('erasures');

create function routing.claim_erasures(wall timestamptz, hold interval, most integer) returns table (creator_id uuid, id uuid)
language sql as $$
  update public.erasures e set leased_until = wall + hold, attempts = e.attempts + 1, updated_at = wall
    from (select w.creator_id, w.id from public.erasures w where w.status = 'queued' and w.leased_until <= wall
          order by w.leased_until, w.id limit most for update skip locked) due
    where e.creator_id = due.creator_id and e.id = due.id
    returning e.creator_id, e.id
$$;
select expose('erasures', '{creator_id, id, status, attempts, leased_until}', '{attempts, leased_until, updated_at}');
select route('routing.claim_erasures(timestamptz, interval, integer)');

-- What a person agreed to and took back, in order: the present answer stands in contacts.consent, each change here.
create table consent_records (
  creator_id uuid not null,
  id uuid not null default gen_random_uuid(),
  contact_id uuid not null,
  purpose text not null,
  granted boolean,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  foreign key (creator_id, contact_id) references contacts (creator_id, id) on delete cascade
);
create index consent_records_contact on consent_records (creator_id, contact_id, created_at);
select protect('consent_records');

create function record_consent() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  insert into consent_records (creator_id, contact_id, purpose, granted, created_at, updated_at)
    select new.creator_id, new.id, n.key, n.value, new.updated_at, new.updated_at
    from (select key, (new.consent ->> key)::boolean as value
          from (select jsonb_object_keys(new.consent) as key
                union select jsonb_object_keys(case when tg_op = 'UPDATE' then old.consent else '{}' end)) k) n
    where tg_op = 'INSERT' or (old.consent -> n.key) is distinct from (new.consent -> n.key);
  return null;
end $$;
revoke all on function record_consent() from public;
create trigger consent_given after insert on contacts for each row when (new.consent <> '{}') execute function record_consent();
create trigger consent_changed after update on contacts for each row when (old.consent is distinct from new.consent) execute function record_consent();

-- When each field of a contact last changed: what the retention of fields counts from.
alter table contacts add column field_times jsonb not null default '{}';

create function time_fields() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  new.field_times := coalesce((
    select jsonb_object_agg(f.key, case when tg_op = 'UPDATE' and old.fields -> f.key is not distinct from f.value
                                        then old.field_times -> f.key else to_jsonb(new.updated_at) end)
    from jsonb_each(new.fields) f), '{}');
  return new;
end $$;
revoke all on function time_fields() from public;
create trigger fields_given before insert on contacts for each row when (new.fields <> '{}') execute function time_fields();
create trigger fields_changed before update on contacts for each row when (old.fields is distinct from new.fields) execute function time_fields();

-- How long a creator keeps what: days for the text of messages, days by field of contacts. No row keeps everything.
create table retention (
  creator_id uuid primary key references creators,
  message_days integer check (message_days between 1 and 3650),
  field_days jsonb not null default '{}',
  swept_at timestamptz not null default 'epoch',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index retention_due on retention (swept_at);
select protect('retention');

create function routing.claim_retention(wall timestamptz, pause interval, most integer) returns table (creator_id uuid)
language sql as $$
  update public.retention r set swept_at = wall, updated_at = wall
    from (select d.creator_id from public.retention d where d.swept_at <= wall - pause order by d.swept_at limit most for update skip locked) due
    where r.creator_id = due.creator_id returning r.creator_id
$$;
select expose('retention', '{creator_id, swept_at}', '{swept_at, updated_at}');
select route('routing.claim_retention(timestamptz, interval, integer)');
