"""Losses, optimisers and the loop that trains the networks; what a run writes down."""
