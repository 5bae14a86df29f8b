-- A junction sends a hundred plans a day: of two years of them the one that runs, and those whose time is over, are found without reading all.

CREATE INDEX green_times_running ON green_times (junction_id) WHERE state = 'running';
CREATE INDEX green_times_last_sent ON green_times (sent_at);
