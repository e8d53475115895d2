"""Tables to chart specs to page: what a reader sees of an experiment, without a server of its own data."""
