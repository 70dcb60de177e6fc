"""The napari dock widget; Qt only through qtpy, and only below this package."""
