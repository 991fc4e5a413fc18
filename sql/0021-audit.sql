-- Who did what, when and from where: append-only, each row bound to the one before it by its hash. No reference to creators: the
-- rows stay after an erasure and hold ids only. Events of nobody's workspace stand under the installation's own id.
create table audit (
  creator_id uuid not null,
  seq bigint not null,
  action text not null,
  outcome text not null check (outcome in ('done', 'refused')),
  actor_kind text not null check (actor_kind in ('member', 'key', 'operator', 'nobody', 'system')),
  actor_id uuid,
  subject_id uuid,
  reason text,
  address text,
  request_id uuid,
  previous_hash text not null,
  hash text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, seq)
);
select protect('audit');
revoke update, delete on audit from companero_app;

-- The hash of a row: over everything it says and the hash before it.
create function audit_hash(entry audit) returns text
language sql stable set search_path = pg_catalog, public as $$
  select encode(sha256(convert_to(jsonb_build_array(entry.creator_id, entry.seq, entry.action, entry.outcome, entry.actor_kind,
    entry.actor_id, entry.subject_id, entry.reason, entry.address, entry.request_id, entry.previous_hash,
    extract(epoch from entry.created_at))::text, 'UTF8')), 'hex')
$$;

-- Appends one row to the chain of the present creator. Appends of one creator wait for each other.
create function append_audit(tenant uuid, at timestamptz, what text, ended text, kind text, actor uuid, subject uuid, why text,
  from_address text, request uuid) returns void
language plpgsql set search_path = pg_catalog, public as $$
declare
  entry audit;
begin
  perform pg_advisory_xact_lock(hashtextextended('audit:' || tenant::text, 0));
  select a.seq + 1, a.hash into entry.seq, entry.previous_hash from audit a where a.creator_id = tenant order by a.seq desc limit 1;
  entry.creator_id := tenant;
  entry.seq := coalesce(entry.seq, 1);
  entry.previous_hash := coalesce(entry.previous_hash, '');
  entry.action := what;
  entry.outcome := ended;
  entry.actor_kind := kind;
  entry.actor_id := actor;
  entry.subject_id := subject;
  entry.reason := why;
  entry.address := from_address;
  entry.request_id := request;
  entry.created_at := at;
  entry.updated_at := at;
  entry.hash := audit_hash(entry);
  insert into audit select entry.*;
end $$;
revoke all on function audit_hash(audit) from public;
revoke all on function append_audit(uuid, timestamptz, text, text, text, uuid, uuid, text, text, uuid) from public;
grant execute on function audit_hash(audit) to companero_app;
grant execute on function append_audit(uuid, timestamptz, text, text, text, uuid, uuid, text, text, uuid) to companero_app;

-- Whose chains there are, for the command that verifies them.
create function routing.audited() returns table (creator_id uuid)
language sql stable as $$
  select distinct a.creator_id from public.audit a
$$;
select expose('audit', '{creator_id}');
select route('routing.audited()');
