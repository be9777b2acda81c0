"""How figures are drawn: pure functions from a table and the looks of its conditions to a drawing."""
