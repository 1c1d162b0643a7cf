"""What training's validation, evaluate.py and score.py share: clips → p_fake → verdict."""
