"""Models by name: the embedded family, directories, the hub; their shapes, memory and speed without weights."""
