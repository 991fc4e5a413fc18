-- Grows with every document that gets its vectors or loses them: what a question finds changes with them, so kept answers are named by it.
alter table knowledge_versions add column vectors bigint not null default 0;
