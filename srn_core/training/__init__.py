"""Training: phases, samplers, the loop, and the size a network starts with."""
