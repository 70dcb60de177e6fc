"""Planes between planes: cubic interpolation along z, corrected by what the planes show."""
