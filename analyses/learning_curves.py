"""Do agents learn, and how fast? Success rate on fixed scenes against environment steps (paper, figure 2).

Protocol sample-efficiency, no shift; mean over seeds with a simultaneous 95% band along each curve; agents
that never learn are horizontal lines.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("learning_curves")
