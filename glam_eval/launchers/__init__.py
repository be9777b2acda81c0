"""Where runs are carried out: here, or by an engine of a cluster; the directory is the only truth."""
