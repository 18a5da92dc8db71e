"""One hand or face inside the network."""
