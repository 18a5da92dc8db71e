"""Correct what the network found, take the corrections along, and train a network of one's own on them."""
