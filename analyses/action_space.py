"""Do useless actions hurt? Success with 3, 6 or 9 actions offered (paper, appendix).

Runs that differ from the study's usual ones in the action set alone.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("action_space")
