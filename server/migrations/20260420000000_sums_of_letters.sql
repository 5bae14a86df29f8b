-- Of a device gone mad not each message is kept, but each is counted: a letter stands for those of an hour, with the rows that they were, so that a
-- row that comes again and can be used by then is stored.
ALTER TABLE dead_letters
    ADD COLUMN messages bigint NOT NULL DEFAULT 1 CHECK (messages >= 0),
    ADD COLUMN sum_of timestamptz,
    ADD COLUMN seqs int8multirange NOT NULL DEFAULT '{}';
CREATE UNIQUE INDEX dead_letters_sum ON dead_letters (sum_of, coalesce(junction_id, '00000000-0000-0000-0000-000000000000'),
    coalesce(device_id, '00000000-0000-0000-0000-000000000000'), coalesce(outbox_id, '00000000-0000-0000-0000-000000000000'), reason)
    WHERE sum_of IS NOT NULL;
CREATE INDEX dead_letters_summed_rows ON dead_letters (device_id, outbox_id) WHERE sum_of IS NOT NULL;
