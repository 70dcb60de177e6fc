"""Run: the worker thread, the queue and the buttons."""
