"""Shape of an array or tensor: one size for each axis."""

Shape = tuple[int, ...]
