"""Settings of the learner of every agent that learns: three updates of 80 frames."""

LEARNERS = {
    "gflan": {"preset": "small", "environments": 8, "steps": 10, "minibatch": 40},
    "drrn": {"environments": 4, "steps": 20, "batch": 8, "replay": 150},
    "symbolic-ppo": {"environments": 8, "steps": 10, "recurrence": 5, "minibatch": 40, "epochs": 1},
    "bc-bot": {"minibatch": 8, "steps": 10},
}
LEARNERS |= dict.fromkeys(("aflan", "npe", "npa", "npae"), LEARNERS["gflan"])
LEARNERS["bc-gflan"] = LEARNERS["bc-bot"]
