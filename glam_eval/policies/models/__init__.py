"""Models by name (embedded, directory, hub) and, without weights, their shapes, memory and speed."""
