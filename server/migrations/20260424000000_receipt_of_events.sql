-- By which an event of a clock that is not synchronised grows old. Those that are there already count from now on.
ALTER TABLE signal_events ADD COLUMN received_at timestamptz NOT NULL DEFAULT now();
