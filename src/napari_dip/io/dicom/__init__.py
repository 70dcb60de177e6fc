"""DICOM files: frames, geometry and values."""
