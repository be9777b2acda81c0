"""Does grounding damage the language model? Held-out text and items before and after training.

Each family of items and the spans left out of plain text; mean over seeds with 95% intervals.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("language_retention")
