"""The headless core: images in, restored images out; no GUI, no files."""
