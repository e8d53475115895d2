"""One parser per source format: raw bytes to typed rows, and rejects with a reason each."""
