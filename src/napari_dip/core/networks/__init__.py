"""Networks f_theta: architectures, layers and weights."""
