"""Training: strategy, schedule, loss, the loop, and a run's folder."""
