-- Rows that are refused stand in the ledger, so that they leave no holes there. A letter that has put its row there is taken back when the row
-- comes again and can be used; any other may name a row that was stored, or that somebody else has made up.
ALTER TABLE dead_letters ADD COLUMN in_ledger boolean NOT NULL DEFAULT false;
