"""How does a policy change as it learns? All action probabilities on fixed probes (paper, appendix).

The first condition that was probed along training; mean over seeds, before each update's first gradient step.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("policy_evolution")
