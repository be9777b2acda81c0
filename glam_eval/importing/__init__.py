"""What others made as ours: runs and checkpoints of the paper's released code."""
