"""The parts of a training run: building, state, loss, optimizer, checks, run folder, logs."""
