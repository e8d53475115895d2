"""More than two hundred bad inputs, each with what must become of it."""
