-- A message or an event for a group of contacts. The group is chosen when it is made: who was in it stays on record.
create table broadcasts (
  creator_id uuid not null references creators,
  id uuid not null,
  filter text not null,
  -- {content, class} or {event, data}
  message jsonb not null,
  -- as asked for: an instant, or a local time that each contact's zone makes its own
  at text not null,
  cancelled boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id)
);
select protect('broadcasts');

create table broadcast_recipients (
  creator_id uuid not null,
  broadcast_id uuid not null,
  contact_id uuid not null,
  conversation_id uuid not null,
  due_at timestamptz not null,
  status text not null default 'planned' check (status in ('planned', 'taken', 'failed', 'cancelled')),
  attempts integer not null default 0,
  claimed_until timestamptz not null default 'epoch',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, broadcast_id, contact_id),
  foreign key (creator_id, broadcast_id) references broadcasts (creator_id, id) on delete cascade,
  foreign key (creator_id, contact_id) references contacts (creator_id, id) on delete cascade,
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
create index broadcast_recipients_contact on broadcast_recipients (creator_id, contact_id);
create index broadcast_recipients_conversation on broadcast_recipients (creator_id, conversation_id);
create index broadcast_recipients_due on broadcast_recipients (due_at) where status = 'planned';
select protect('broadcast_recipients');

-- Claims recipients whose time has come by the conversation clock, at most `each` of one creator, so that no large group holds up another's.
create function routing.claim_broadcasts(clock timestamptz, wall timestamptz, hold interval, each integer, most integer)
returns table (creator_id uuid, broadcast_id uuid, contact_id uuid)
language sql as $$
  update public.broadcast_recipients r set claimed_until = wall + hold, attempts = r.attempts + 1, updated_at = wall
    from (select p.creator_id, p.broadcast_id, p.contact_id from public.broadcast_recipients p
          join (select n.creator_id, n.broadcast_id, n.contact_id,
                  row_number() over (partition by n.creator_id order by n.due_at, n.contact_id) as place
                from public.broadcast_recipients n where n.status = 'planned' and n.due_at <= clock and n.claimed_until <= wall) ranked
            on ranked.creator_id = p.creator_id and ranked.broadcast_id = p.broadcast_id and ranked.contact_id = p.contact_id
          where ranked.place <= each and p.status = 'planned' and p.claimed_until <= wall
          order by ranked.place, p.due_at limit most for update of p skip locked) due
    where r.creator_id = due.creator_id and r.broadcast_id = due.broadcast_id and r.contact_id = due.contact_id
    returning r.creator_id, r.broadcast_id, r.contact_id
$$;

-- When the next recipient that nobody holds falls due: how long the pump may sleep.
create function routing.next_broadcast(wall timestamptz) returns timestamptz
language sql stable as $$
  select min(r.due_at) from public.broadcast_recipients r where r.status = 'planned' and r.claimed_until <= wall
$$;
select expose('broadcast_recipients', '{creator_id, broadcast_id, contact_id, due_at, status, attempts, claimed_until}',
  '{attempts, claimed_until, updated_at}');
select route('routing.claim_broadcasts(timestamptz, timestamptz, interval, integer, integer)');
select route('routing.next_broadcast(timestamptz)');
