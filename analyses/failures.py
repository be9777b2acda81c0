"""How do episodes end? Success, wandering, walls, oscillation, wrong objects, wrong order.

Each run's last checkpoint without a shift; categories of glam_eval.statistics.classify.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("failures")
