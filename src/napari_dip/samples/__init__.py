"""Sample images, computed or from scikit-image."""
