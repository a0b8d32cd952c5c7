"""Pure decisions: what to do about one recording, and why."""
