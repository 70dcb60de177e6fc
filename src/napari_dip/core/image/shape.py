"""Shape: the sizes of an array or tensor along its axes."""

Shape = tuple[int, ...]
