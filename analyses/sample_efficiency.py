"""Sample efficiency: mean success up to the frame budget, and success at its end (paper, section 5.1).

Area under each seed's learning curve by the trapezoid rule over the common budget, divided by the budget.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("sample_efficiency")
