"""Report: what was done to an image, with warnings and provenance."""
