"""Do distractors hurt? Success with 4, 8 or 16 objects in the room (paper, appendix).

Runs of the GoToLocal family that differ in the number of objects alone.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("distractors")
