"""`attache doctor`: probes look, judgement decides what that means and what to do, the command tells it."""
