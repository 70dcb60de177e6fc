"""Collaborative filter: similar patches of an image correct its estimate together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import fft
from torch import Tensor
from torch.nn import functional

# Side of a patch and distance of the patches that look for similar ones [pixels].
_PATCH, _STRIDE = 7, 5
# Number of similar patches in a group, the patch itself included.
_GROUP = 32
# Patches of a square with so many reference patches along each side look in the same region,
# which reaches beyond the square by this many pixels.
_SQUARE, _REACH = 6, 18
# Weight of filtered patches beside the estimate: the first number, and more by so many times the
# share of the coefficients that the filter keeps, until a share near the third. In flat regions it
# keeps few, and of little noise it keeps most: the estimate is better there.
_LEAST_WEIGHT, _RISE, _FALL = 0.1, 22.0, 0.2
# Factor of that weight, from what the estimate leaves of the observation in a group: its power in
# kept coefficients relative to the others, beside what is usual. That is uncertain with fewer
# kept coefficients than the last number.
_USUAL, _LEAST_FACTOR, _MOST_FACTOR, _FEW = 1.1, 0.1, 2.0, 40.0
# Least power of what is left that counts, relative to the noise.
_LITTLE = 0.3
# Reference patches of a strip along y, which limits the memory; whole squares.
_ROWS = 5 * _SQUARE
# Number of distances in a part of a region, of which the least is found first.
_PART = 12


@torch.no_grad()
def collaborative_filter(
    observation: Tensor,
    estimate: Tensor,
    variance: Tensor,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Correct an estimate by the Wiener filter of groups of similar patches.

    Patches that are similar in the estimate form a group. Its transform along patches, channels,
    rows and columns concentrates what they have in common in few coefficients, while the noise
    stays spread over all. Each coefficient of the observation is kept as far as its power in the
    estimate exceeds that of the noise. So structure that repeats comes back where the estimate
    has lost a part of it.

    Parameters
    ----------
    observation : (C, Y, X) Tensor
        Image with white noise.
    estimate : (C, Y, X) Tensor
        Estimate of that image without noise.
    variance : (Y, X) Tensor
        Variance of the noise.
    stop_requested : callable, optional
        Function without arguments, called for each strip of the image. Once it returns True, the
        estimate comes back as it is. It always returns False by default.

    Returns
    -------
    (C, Y, X) Tensor
        Corrected estimate; an image smaller than a patch comes back as it is.

    References
    ----------
    K. Dabov, A. Foi, V. Katkovnik, K. Egiazarian, "Image denoising by sparse 3-D
    transform-domain collaborative filtering", IEEE TIP 16 (2007) 2080: the second step, with the
    estimate of a network in place of the first.

    Examples
    --------
    >>> stripes = torch.arange(64).remainder(8).ge(4).float().expand(1, 64, 64)
    >>> noisy = stripes + 0.2 * torch.randn(1, 64, 64, generator=torch.manual_seed(0))
    >>> blurred = 0.8 * stripes + 0.1
    >>> better = collaborative_filter(noisy, blurred, torch.full((64, 64), 0.04))
    >>> bool((better - stripes).square().mean() < 0.65 * (blurred - stripes).square().mean())
    True
    """
    height, width = observation.shape[1:]
    if min(height, width) < _PATCH:
        return estimate
    filtered, weights = torch.zeros_like(estimate), torch.zeros_like(estimate[:1])
    last = height - _PATCH
    starts = _references(last)
    for rows in torch.split(starts, _ROWS):
        if stop_requested():
            return estimate
        first = max(int(rows[0]) - _REACH, 0)
        inside = slice(first, min(int(rows[-1]) + _REACH, last) + _PATCH)
        parts = _filter_strip(
            observation[:, inside], estimate[:, inside], variance[inside], rows - first
        )
        filtered[:, inside] += parts[0]
        weights[:, inside] += parts[1]
    return filtered / weights


def _filter_strip(
    observation: Tensor, estimate: Tensor, variance: Tensor, rows: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the weighted sum of the filtered patches, (C, Y, X), and their weights (1, Y, X).

    `rows` holds the first rows of the reference patches.
    """
    basis = _basis(len(observation)).to(observation)
    patches = [
        functional.conv2d(picture[None], basis)[0].permute(1, 2, 0).contiguous()
        for picture in (observation, estimate)
    ]
    shape = patches[0].shape[:2]
    observed, estimated = (part.flatten(0, 1) for part in patches)
    noise = functional.avg_pool2d(variance[None], _PATCH, 1).flatten()
    total, weights = torch.zeros_like(estimated), torch.zeros_like(noise)
    columns = _references(shape[1] - 1).to(rows.device)
    for ys in torch.split(rows, _SQUARE):
        groups = _similar(patches[1], ys, columns)
        members = groups.flatten()
        # An index along one axis is six times as fast as one of two axes.
        observed_groups, estimated_groups = (
            part.index_select(0, members).view(*groups.shape, -1) for part in (observed, estimated)
        )
        filtered, weight = _filter_groups(
            observed_groups, estimated_groups, noise[groups[:, 0], None, None]
        )
        total.index_add_(0, members, filtered.flatten(0, 1))
        weights.index_add_(0, members, weight.repeat_interleave(groups.shape[1]))
    image = functional.fold(basis.flatten(1).T @ total.T, observation.shape[1:], _PATCH)
    # Each pixel has the weights of all patches that cover it.
    around = functional.pad(weights.view(1, *shape), [_PATCH - 1] * 4)
    return image, functional.avg_pool2d(around, _PATCH, 1, divisor_override=1)


def _similar(patches: Tensor, ys: Tensor, xs: Tensor) -> Tensor:
    """Return the flat indices of the patches most similar to each reference patch, (N, K).

    Parameters
    ----------
    patches : (Y, X, F) Tensor
        Coefficients of the patch at each pixel.
    ys, xs : (R,), (S,) Tensor
        First rows and columns of the reference patches, in rising order.
    """
    height, width = patches.shape[:2]
    top, bottom = max(int(ys[0]) - _REACH, 0), min(int(ys[-1]) + _REACH + 1, height)
    side = min(_SQUARE * _STRIDE + 2 * _REACH, width)
    groups = []
    for columns in torch.split(xs, _SQUARE):
        left = min(max(int(columns[0]) - _REACH, 0), width - side)
        references = patches[ys[:, None], columns].flatten(0, 1)
        centre = references.mean(dim=0)  # else large intensities would round small distances
        references -= centre
        region = (patches[top:bottom, left : left + side] - centre).flatten(0, 1)
        # Squared distance without the constant power of the reference patch.
        distance = torch.addmm(region.square().sum(1), references, region.T, alpha=-2)
        itself = ((ys[:, None] - top) * side + columns - left).flatten()
        distance[torch.arange(len(itself)), itself] = -torch.inf  # others may be equal to it
        nearest = _nearest(distance, min(_GROUP, len(region)))
        rows = top + nearest.div(side, rounding_mode="floor")
        groups.append(rows * width + left + nearest % side)
    return torch.cat(groups)


def _nearest(distance: Tensor, count: int) -> Tensor:
    """Return the indices of the least of N distances (R, N) in rising order, (R, count).

    They lie in the parts whose least distances are the least; there are as many such parts. To
    search only these takes half of the time.
    """
    parts = -(-distance.shape[1] // _PART)
    if parts <= count:
        return distance.topk(count, dim=1, largest=False).indices
    rest = parts * _PART - distance.shape[1]
    whole = functional.pad(distance, (0, rest), value=torch.inf) if rest else distance
    split = whole.view(-1, _PART, parts)
    chosen = split.amin(1).topk(count, dim=1, largest=False).indices
    candidates = split.gather(2, chosen[:, None].expand(-1, _PART, -1)).flatten(1)
    places = candidates.topk(count, dim=1, largest=False).indices
    which = places.div(count, rounding_mode="floor")
    return which * parts + chosen.gather(1, places % count)


def _filter_groups(observed: Tensor, estimated: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return filtered groups (N, K, F), multiplied by their weights, and the weights (N,).

    Parameters
    ----------
    observed, estimated : (N, K, F) Tensor
        Coefficients of K similar patches of the observation and of the estimate.
    noise : (N, 1, 1) Tensor
        Variance of the noise.
    """
    transform = _cosine_transform(observed.shape[1]).to(observed)
    of_observation, of_estimate = transform @ observed, transform @ estimated
    power = of_estimate.square()
    kept = power / (power + noise)
    filtered = transform.T @ (kept * of_observation)
    weight = _usual_weight(kept.mean((1, 2), keepdim=True))
    left = (of_observation - of_estimate).square()
    mixed = torch.lerp(estimated, filtered, (weight * _factor(kept, left, noise)).clamp(max=1))
    # The more coefficients are kept, the more noise is left in the group.
    trust = 1 / kept.square().sum((1, 2)).clamp(min=1)
    return trust[:, None, None] * mixed, trust


def _usual_weight(share: Tensor) -> Tensor:
    """Return the weight of a filtered group, given the share of the coefficients it keeps."""
    return (_LEAST_WEIGHT + _RISE * share).clamp(max=1) / (1 + (share / _FALL).square())


def _factor(kept: Tensor, left: Tensor, noise: Tensor) -> Tensor:
    """Return the factor of the weight of a filtered group, (N, 1, 1).

    Structure that the estimate has lost is left in the coefficients that the filter keeps. Where
    less is left in them than in the others, the estimate follows the noise there already.

    Parameters
    ----------
    kept : (N, K, F) Tensor
        Share of each coefficient that the filter keeps.
    left : (N, K, F) Tensor
        Power of what the estimate leaves of the observation.
    noise : (N, 1, 1) Tensor
        Variance of the noise.
    """
    structure = kept.square()
    structure[:, 0, 0] = 0  # the mean, which is always kept
    count = structure.sum((1, 2), keepdim=True)
    in_structure = (structure * left).sum((1, 2), keepdim=True) / count.clamp(min=1e-6)
    others = 1 - kept
    elsewhere = (others * left).sum((1, 2), keepdim=True)
    elsewhere = elsewhere / others.sum((1, 2), keepdim=True).clamp(min=1e-6)
    surplus = in_structure / torch.maximum(elsewhere, _LITTLE * noise) - _USUAL
    return (1 + surplus * count / (count + _FEW)).clamp(_LEAST_FACTOR, _MOST_FACTOR)


def _references(last: int) -> Tensor:
    """Return the first pixels of the reference patches along an axis, the last one included."""
    return torch.tensor([*range(0, last, _STRIDE), last])


def _basis(channels: int) -> Tensor:
    """Return the cosine transform over channels, rows and columns, (F, C, Y, X)."""
    of_channels, of_pixels = _cosine_transform(channels), _cosine_transform(_PATCH)
    basis = torch.einsum("ac,by,dx->abdcyx", of_channels, of_pixels, of_pixels)
    return basis.flatten(0, 2)


def _cosine_transform(size: int) -> Tensor:
    return torch.from_numpy(fft.dct(np.eye(size), axis=0, norm="ortho")).float()
