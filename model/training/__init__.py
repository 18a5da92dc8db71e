"""The network in torch, its losses and its training."""
