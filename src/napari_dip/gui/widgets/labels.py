"""Labels of settings in the window."""

from napari_dip.errors import Hint

# Other words than the name of the field. Beside the buttons, "Stop" would look like one, and a
# label that is longer than "Refractive index" would leave less room for the fields.
_LABELS = {"stop": "Stopping rule", "dims": "Dimensions", "posterior_samples": "Samples"}
# Settings of a hint that have no field of their own in the form of the configuration.
_ELSEWHERE = {
    "resume": "Existing results: resume",
    "overwrite": "Existing results: replace",
    "sigma": "Gaussian blur",
    "voxel_size": "Calibration: voxel size",
    "psf_voxel_size": "scale of the PSF layer",
    "wavelength_excitation": "Excitation",
    "channel": "slider of the channels",
}


def label(name: str) -> str:
    """Return the label of a field of the configuration.

    Examples
    --------
    >>> label("time_limit")
    'Time limit'
    """
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def hint_text(hint: Hint) -> str:
    """Return a hint in the words of the window.

    Examples
    --------
    >>> hint_text(Hint("tile", "256"))
    'Tile: 256'
    >>> hint_text(Hint("overwrite"))
    'Existing results: replace'
    """
    if hint.setting in _ELSEWHERE:
        return _ELSEWHERE[hint.setting]
    return ": ".join(filter(None, [label(hint.setting), hint.value]))
