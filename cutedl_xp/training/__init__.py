"""Training: the session, its steps and its records."""
