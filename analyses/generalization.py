"""What survives a change of words, goals, tasks or language? (paper, figures 4 and 5).

Protocol generalization, each run's last checkpoint: success under every shift, and its paired change from no
shift on the same scenes, tested over seeds with an adjustment over an agent's shifts of a kind.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("generalization")
