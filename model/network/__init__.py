"""The networks in torch, and how their weights are rounded and stored."""
