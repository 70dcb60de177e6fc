"""Small Zarr stores for the tests."""

from __future__ import annotations

import numpy as np
import zarr

from napari_dip.core.image.image import Image


def image_of_shape(*shape: int) -> Image:
    values = np.random.default_rng(0).uniform(0, 200, shape).astype(np.float32)
    sizes = {"Y": 0.25, "X": 0.5}
    return Image(values, "ZCYX"[-len(shape) :], sizes, dict.fromkeys("YX", "micrometer"))


def write_version_0_4(path, axes="czyx", **attributes):
    group = zarr.create_group(str(path), zarr_format=2)
    shape = (2, 3, 12, 10)[-len(axes) :]
    array = group.create_array("s0", shape=shape, dtype=">u2", chunks=(1,) * len(shape))
    array[...] = np.arange(np.prod(shape)).reshape(shape)
    scale = {"type": "scale", "scale": [0.5] * len(axes)}
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [{"name": name, "unit": "micrometer"} for name in axes],
            "datasets": [{"path": "s0", "coordinateTransformations": [scale]}],
            "coordinateTransformations": [scale],
        }
    ]
    group.attrs.update(attributes)


def write_field(path, *, zarr_format=2, version="0.4", axes=None, changes=(), **multiscale):
    """Write one field of a tile scan, two channels of 12 x 10 pixels."""
    scale = {"type": "scale", "scale": [1.0, 0.5, 0.5]}
    moved = {"type": "translation", "translation": [0.0, 120.0, -240.0]}
    group = zarr.create_group(str(path), zarr_format=zarr_format)
    group.create_array("0", shape=(2, 12, 10), dtype="u2")[...] = np.arange(240).reshape(2, 12, 10)
    micrometres = {"type": "space", "unit": "micrometer"}
    ome = {
        "multiscales": [
            {
                "axes": axes
                or [{"name": "c", "type": "channel"}, *({"name": n, **micrometres} for n in "yx")],
                "datasets": [{"path": "0", "coordinateTransformations": changes or [scale, moved]}],
                **multiscale,
            }
        ],
        "omero": {
            "channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP", "color": "00ff00"}]
        },
    }
    if zarr_format == 2:
        ome["multiscales"][0]["version"] = version
        group.attrs.update(ome)
    else:
        group.attrs["ome"] = {"version": version, **ome}
    return path
