"""The layer of a result while a run goes on, and the iterates that it can show again."""
