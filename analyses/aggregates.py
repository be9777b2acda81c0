"""Which agent is best over all shifts? IQM, mean, median and optimality gap (arXiv 2108.13264).

A score is a seed's success under a shift; stratified bootstrap intervals.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("aggregates")
