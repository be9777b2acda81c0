"""What does pretraining bring? Learning curves of GFlan, AFlan, NPE, NPA and NPAE (paper, figure 3).

The model with most of the five variants; simultaneous 95% bands.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("pretraining_ablation")
