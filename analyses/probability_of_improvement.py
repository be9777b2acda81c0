"""How likely is one agent's seed better than another's? Averaged over shifts.

Mann-Whitney statistic per shift; stratified bootstrap intervals.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("probability_of_improvement")
