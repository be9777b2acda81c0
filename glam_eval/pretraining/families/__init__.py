"""The families of the instruction mixture: what each asks, in which words, and the answers."""
