"""When does each agent come to prefer the right action? Its probability on fixed probes.

Mean over seeds with simultaneous 95% bands.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("expected_action")
