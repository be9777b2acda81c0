"""How often our intervals cover and our tests claim too much, in studies whose truth is known.

``simulate`` counts, for every statistic that the product prints, how often it is offered, covers the truth,
or is wrong; ``grid`` is the kinds of study of the committed table.
"""

from glam_eval.statistics.simulation.studies import Cell
from glam_eval.statistics.simulation.table import REPETITIONS, grid, simulate

__all__ = ["REPETITIONS", "Cell", "grid", "simulate"]
