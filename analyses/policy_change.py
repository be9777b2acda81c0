"""How certain does a policy become, how far does it move, and does its critic come to know what follows?

Over fixed probe prompts and the evaluation scenes; shaded: 95% simultaneous bands over seeds.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("policy_change")
