"""A simulated season: planted worlds, lived through day by day by the real daily job with the flag in the loop."""
