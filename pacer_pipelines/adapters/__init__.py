"""The only doors to the outside: files, databases, warehouse, expectations, flags, Slack."""
