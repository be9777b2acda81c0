"""How far do compositions stretch? Success against the number of instructions in the goal.

Goals of the words of training, counted by their task; each run's last checkpoint.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("composition_length")
