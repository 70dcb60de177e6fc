"""Sample images, made by code or shipped with scikit-image."""
