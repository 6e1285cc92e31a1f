"""Looking at the outside world; each probe returns findings and raises nothing that was to be expected."""
