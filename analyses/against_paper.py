"""Are these the paper's numbers? (paper, figure 4)

Success at the end of training under each test, beside the published rates of FLAN-T5-large, on the paper's
levels.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("against_paper")
