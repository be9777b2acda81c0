"""Does model size help? Success along and at the end of training against parameters (paper, appendix).

Agents that were trained with models of at least two sizes.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("size_scaling")
