"""AxialVolume: a stack, its cubic interpolation along z, and the corrected one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.fitting.axial.examples import Batch, to_tensor
from napari_dip.core.fitting.axial.interpolation import Consistency, interpolate

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_dip.core.hardware.device import Runtime
    from napari_dip.core.networks.slice_network import SliceNetwork
    from napari_dip.core.operators.downsample import Downsample
    from napari_dip.core.problem import Problem

# Coarse pixels that the network sees at a time.
_PIXELS = 2**16


@dataclass(frozen=True, slots=True)
class AxialVolume:
    """A stack in network units, with missing pixels filled.

    Attributes
    ----------
    observed : (C, Z, Y, X) array
        Observed planes.
    valid : (C, Z, Y, X) bool array
        True at observed pixels.
    variance : (C, Z, Y, X) array
        Noise variance of each pixel.
    operator : Downsample
        Operator of slices, from fine rows along z to coarse ones.
    """

    observed: NDArray[np.float32]
    valid: NDArray[np.bool_]
    variance: NDArray[np.float32]
    operator: Downsample

    @classmethod
    def of(cls, problem: Problem, operator: Downsample) -> AxialVolume:
        """Return the stack of a problem, whose missing pixels get the nearest observed value."""
        valid = problem.valid[0].expand(problem.observation.shape[1:]).cpu().numpy()
        variance = problem.noise.variance(problem.observation).expand_as(problem.observation)
        observed = problem.observation[0].cpu().numpy()
        if not valid.all():
            observed = np.stack(
                [_filled(*channel) for channel in zip(observed, valid, strict=True)]
            )
        return cls(observed, valid, variance[0].cpu().numpy(), operator.along(0))

    @property
    def planes(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Values and valid pixels of all planes (P, Y, X)."""
        size = self.observed.shape[-2:]
        return self.observed.reshape(-1, *size), self.valid.reshape(-1, *size)

    def cubic(self) -> NDArray[np.float32]:
        """Return the cubic interpolation along z, (C, F, Y, X)."""
        factor = self.operator.factors[0]
        channels, planes, height, width = self.observed.shape
        rows = self.observed.reshape(channels, planes, -1)
        return interpolate(rows, factor).reshape(channels, planes * factor, height, width)

    def corrected(
        self, network: SliceNetwork, runtime: Runtime, is_over: Callable[[], bool] = lambda: False
    ) -> NDArray[np.float32]:
        """Return the interpolation corrected in XZ and YZ slices, (C, F, Y, X).

        Parameters
        ----------
        network : SliceNetwork
            Fitted network.
        runtime : Runtime
            Device and precision.
        is_over : callable
            Function without arguments; once it returns True, the remaining slices stay
            uncorrected.
        """
        result = self.cubic()
        variance = self.variance.mean(axis=(1, 2, 3))
        for fine, stack, noise in zip(result, self.observed, variance, strict=True):
            along_y, along_x = fine.transpose(1, 0, 2), fine.transpose(2, 0, 1)  # (N, F, width)
            slices = stack.transpose(1, 0, 2), stack.transpose(2, 0, 1)
            for target, coarse in zip((along_y, along_x), slices, strict=True):
                step = max(_PIXELS // coarse[0].size, 1)
                for start in range(0, len(coarse), step):
                    if is_over():
                        break
                    part = slice(start, start + step)
                    target[part] += correction(network, runtime, coarse[part]) / 2
            make_consistent(along_y, slices[0], self.operator, float(noise))
        return result


def correction(
    network: SliceNetwork, runtime: Runtime, coarse: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the correction (N, F, X) of slices with coarse rows (N, H, X)."""
    with torch.no_grad(), runtime.autocast():
        output = network(to_tensor(coarse, runtime.device))
    return np.asarray(output.float().cpu().numpy())


def make_consistent(
    fine: NDArray[np.float32], coarse: NDArray[np.float32], operator: Downsample, noise: float
) -> None:
    """Change fine rows (N, F, X) so that they explain coarse ones, except for their noise.

    Without noise they explain them exactly. With noise, only the part of the difference that
    exceeds it counts.
    """
    consistency = Consistency(operator, coarse.shape[1])
    predicted = operator(torch.from_numpy(np.ascontiguousarray(fine))[:, None])[:, 0].numpy()
    missing = coarse - predicted
    power = float(np.square(missing, dtype=float).mean())
    share = max(1 - noise / power, 0.0) if power > 0 else 0.0
    fine += consistency.change(np.float32(share) * missing)


def corrected_batch(
    network: SliceNetwork, runtime: Runtime, operator: Downsample, noise: float, batch: Batch
) -> NDArray[np.float32]:
    """Return the corrected interpolation (N, F, X) of examples."""
    fine = batch.cubic + correction(network, runtime, batch.coarse)
    make_consistent(fine, batch.coarse, operator, noise)
    return fine


def _filled(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return an array whose missing pixels have the value of the nearest valid one."""
    if valid.all() or not valid.any():
        return values
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(nearest)])
