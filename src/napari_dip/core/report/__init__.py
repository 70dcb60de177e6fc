"""Report: assembly at the end of a run, warnings and provenance."""
