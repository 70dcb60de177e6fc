"""What moves the weights: Adam, or for the kernels of convolutions Muon."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from napari_dip.config import FitConfig

# Of the odd polynomial that, applied again and again, brings singular values near 1.
_LINEAR, _CUBIC, _QUINTIC = 3.4445, -4.7750, 2.0315
_APPLICATIONS = 3
_MOMENTUM = 0.9
# Of Adam for what is no kernel: as far back as the momentum looks.
_BETAS = {"adam": (0.9, 0.999), "muon": (0.9, 0.9)}


class Muon(torch.optim.Optimizer):
    """Moves each kernel along its momentum, with all singular values made about 1.

    A kernel (out, in, [kZ,] kY, kX) is taken for a matrix of out rows. Gradients of
    it have few large singular values, so that Adam moves it along few directions;
    here it learns along all of them at once. (torch.optim.Muon, from torch 2.9 on, takes
    matrices alone, one by one.)

    Parameters
    ----------
    kernels : iterable of torch.nn.Parameter
        With three axes or more.
    lr : float
        Size of a step: its spectral norm, for kernels that are no taller than wide.

    References
    ----------
    K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.

    Examples
    --------
    >>> kernel = nn.Parameter(torch.zeros(4, 2, 3, 3))
    >>> kernel.grad = torch.rand(4, 2, 3, 3)
    >>> Muon([kernel], lr=0.1).step()
    >>> bool(kernel.abs().max() > 0)
    True
    """

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(kernels, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all kernels that have a gradient; there is no closure to call."""
        for group in self.param_groups:
            kernels = [kernel for kernel in group["params"] if kernel.grad is not None]
            directions = self._directions(kernels)
            # Matrices with equally long short sides are made orthogonal together.
            alike: dict[int, list[int]] = defaultdict(list)
            for index, direction in enumerate(directions):
                alike[min(direction.shape)].append(index)
            for indices in alike.values():
                steps = orthogonalised([directions[index] for index in indices])
                for index, step in zip(indices, steps, strict=True):
                    rows, columns = step.shape
                    rate = group["lr"] * max(1.0, rows / columns) ** 0.5
                    kernels[index].sub_(_kernel(step, kernels[index]), alpha=rate)

    def _directions(self, kernels: Sequence[nn.Parameter]) -> list[Tensor]:
        """Take in the gradients; return Nesterov's momentum of each kernel, as a matrix."""
        directions = []
        for kernel in kernels:
            assert kernel.grad is not None  # the caller has chosen
            gradient, state = _matrix(kernel.grad), self.state[kernel]
            if not state:
                state["momentum"] = torch.zeros_like(gradient)
            momentum = state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
            directions.append(gradient.lerp(momentum, _MOMENTUM))
        return directions


def orthogonalised(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Return matrices with the same singular vectors, and singular values of about 1.

    The polynomial is applied to the Gram matrices, which are small, all of them together.

    Parameters
    ----------
    matrices : sequence of (rows, columns) Tensor
        Float32, with the same number on their shorter sides.

    Returns
    -------
    list of (rows, columns) Tensor
    """
    wide = [matrix if len(matrix) <= matrix.shape[1] else matrix.T for matrix in matrices]
    gram = torch.stack([matrix @ matrix.T for matrix in wide])  # (N, n, n)
    squares = gram.diagonal(dim1=1, dim2=2).sum(1).clamp(min=torch.finfo(gram.dtype).tiny)
    gram = gram / squares[:, None, None]
    left = gram.new_empty(0)
    for application in range(_APPLICATIONS):
        factor = torch.baddbmm(gram, gram, gram, beta=_CUBIC, alpha=_QUINTIC)
        factor.diagonal(dim1=1, dim2=2).add_(_LINEAR)
        left = factor @ left if application else factor
        if application < _APPLICATIONS - 1:
            gram = factor @ gram @ factor
    left = left / squares.sqrt()[:, None, None]
    return [
        (one @ matrix) if matrix is given else (one @ matrix).T
        for one, matrix, given in zip(left, wide, matrices, strict=True)
    ]


def _matrix(kernel: Tensor) -> Tensor:
    """Return a kernel (out, in, ...) as a matrix of out rows; its memory is channels last."""
    return kernel.movedim(1, -1).flatten(1)


def _kernel(matrix: Tensor, like: Tensor) -> Tensor:
    """Return a matrix as the kernel that it was."""
    return matrix.reshape(len(matrix), *like.shape[2:], like.shape[1]).movedim(-1, 1)


class Optimisers:
    """Several optimisers as one.

    Attributes
    ----------
    rates : list of float
        Learning rates of all groups of parameters.
    """

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    @property
    def rates(self) -> list[float]:
        return [group["lr"] for part in self.parts for group in part.param_groups]

    @rates.setter
    def rates(self, rates: Sequence[float]) -> None:
        groups = [group for part in self.parts for group in part.param_groups]
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate

    def memory(self) -> list[dict[str, Any]]:
        """Return moments and learning rates, as they are now."""
        return [part.state_dict() for part in self.parts]

    def take_over(self, memory: Sequence[dict[str, Any]]) -> None:
        """Take over what `memory` has returned; it is not to be used elsewhere."""
        for part, state in zip(self.parts, memory, strict=True):
            part.load_state_dict(state)


def build_optimiser(
    network: nn.Module,
    settings: FitConfig,
    latents: Sequence[Tensor] = (),
    widths: Sequence[Tensor] = (),
) -> Optimisers:
    """Return what moves the weights of a network, latents, and a PSF's logarithmic widths."""
    others, parts = [*network.parameters()], []
    kernels = [weight for weight in others if _is_kernel(weight)]
    if settings.optimiser == "muon" and kernels:
        parts.append(Muon(kernels, settings.learning_rate))
        others = [weight for weight in others if not _is_kernel(weight)]
    adam = torch.optim.Adam(
        [*others, *latents],
        lr=settings.learning_rate,
        betas=_BETAS[settings.optimiser],
        fused=True,  # one kernel for all weights instead of several for each
    )
    if widths:
        adam.add_param_group({"params": list(widths), "lr": settings.psf_learning_rate})
    return Optimisers(*parts, adam)


def typical_steps(network: nn.Module, settings: FitConfig) -> Iterator[tuple[nn.Parameter, float]]:
    """Yield each weight that is no bias or norm, and how far a step moves a number of it."""
    for weight in network.parameters():
        if weight.ndim < 2:
            continue
        orthogonal = settings.optimiser == "muon" and _is_kernel(weight)
        yield weight, settings.learning_rate / (weight[0].numel() ** 0.5 if orthogonal else 1.0)


def _is_kernel(weight: Tensor) -> bool:
    return weight.ndim > 2
