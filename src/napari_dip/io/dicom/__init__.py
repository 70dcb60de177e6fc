"""DICOM files: frames, geometry and stored values."""
