"""A small PACER of our own on the real serving client, and what the pipeline makes of the files that it writes."""
