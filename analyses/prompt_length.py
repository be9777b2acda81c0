"""Does memory help? Success with 1, 3, 6 or 9 observations in the prompt (paper, appendix).

Runs that differ from the study's usual ones in the remembered observations alone.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("prompt_length")
