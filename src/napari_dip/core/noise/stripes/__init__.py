"""Stripes: offsets of rows or columns, how they are found, estimated and removed."""
