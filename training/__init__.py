"""Training of the weights that a fit starts from, on images made by code.

Nothing here is part of the installed package: `python -m training` writes the weights
that the package ships. No recorded image is used.
"""
