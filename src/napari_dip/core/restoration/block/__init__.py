"""Source of blocks: their pixels, their problem, and the pixels that are kept as observed."""
