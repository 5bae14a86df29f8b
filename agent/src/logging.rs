//! Where log lines go: the journal under systemd, else standard error.
