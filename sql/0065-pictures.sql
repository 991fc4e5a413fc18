-- A picture is kept upright, without what the camera wrote into it, and with a smaller one beside it for the log of a chat.
alter table media
  add column width integer,
  add column height integer,
  add column preview_id uuid,
  add column preview_bytes bigint not null default 0;
