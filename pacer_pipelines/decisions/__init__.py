"""Pure policy: evidence and plan in, verdict and reasons out."""
