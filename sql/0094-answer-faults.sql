-- Which parts should have had a share in an answer and could not: vectors, rerank, model, share (used up), time (it was cut).
alter table answer_records add column faults text[] not null default '{}';
