"""Comparisons of conditions: one contrast, all of a protocol, all of a study; and how much data they need."""
