-- The order of states in a chart means something, and so does that of the languages of a broadcast: jsonb sorts keys, json leaves them.
alter table programs alter column draft type json using draft::json;
alter table program_versions alter column definition type json using definition::json;
alter table broadcasts alter column message type json using message::json;
