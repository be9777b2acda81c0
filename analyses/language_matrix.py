"""Does what was learned in one language serve in another? Training language by test language.

Protocol generalization with no other shift; each run's last checkpoint.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("language_matrix")
