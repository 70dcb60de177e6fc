"""Command line: one command for each task, and batch, compare, evaluate, info, demo."""
