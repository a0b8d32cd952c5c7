"""What we wrote down: entries, sessions, events, claims and the quota, on SQLite."""
