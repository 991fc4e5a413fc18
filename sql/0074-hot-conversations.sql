-- A turn changes no column that an index holds, and finds room on the page of its row: PostgreSQL then writes the new version there and
-- touches no index (heap-only tuples; PostgreSQL 17, 65.7). Lists go by the hour of the last change, which few turns move, and sort within it.
alter table conversations
  add column active_hour timestamptz not null generated always as (date_bin('1 hour', updated_at, timestamptz 'epoch')) stored,
  set (fillfactor = 50);
drop index conversations_recent;
create index conversations_recent on conversations (creator_id, active_hour);
