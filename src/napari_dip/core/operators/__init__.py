"""Forward operators A, and the point spread functions they need."""
