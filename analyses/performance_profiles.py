"""How often does an agent do at least so well? Performance profiles over seeds and shifts.

Share of scores above each success rate; stratified bootstrap intervals.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("performance_profiles")
