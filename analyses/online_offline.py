"""What does interaction add to imitation of the same data? PPO against cloning (paper, figure 6).

Success under every shift of cloned agents, the online agent, and the references.
"""

from glam_eval.figures.script import draw_script

if __name__ == "__main__":
    draw_script("online_offline")
