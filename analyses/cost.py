"""What does success cost? Success at the end of training against wall-clock time of a run.

Mean seconds over seeds from the runs table, success as in the learning curves.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("cost")
