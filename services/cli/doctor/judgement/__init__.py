"""What was seen, as values, and what it means: pure functions from one to findings."""
