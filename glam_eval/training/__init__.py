"""From a policy and a level to a trained policy: rollouts, PPO, checkpoints and the training loop."""
