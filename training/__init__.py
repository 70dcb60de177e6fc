"""Training of the denoising network on images made by code.

Nothing here is part of the installed package: `python -m training` writes the weights
that the package ships. No recorded image is used.
"""
