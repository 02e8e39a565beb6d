"""Training: the session, its steps, and what it records."""
