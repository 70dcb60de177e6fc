"""Neighbour slots: which planes a network sees in place of those that are missing."""


def slots(offsets: set[int], reach: int) -> list[int]:
    """Return the neighbours that a network sees: one before, one behind, two before, and so on.

    Parameters
    ----------
    offsets : set of int
        Distances of the planes that exist, negative before the plane; without 0.
    reach : int
        Number of neighbours on each side.

    Returns
    -------
    list of int
        2 `reach` distances. A missing neighbour is replaced by that of the most similar distance.

    Examples
    --------
    >>> slots({-2, -1, 1, 2}, 2), slots({1, 2}, 2), slots({-1, 1, 2}, 2), slots({-1}, 2)
    ([-1, 1, -2, 2], [1, 1, 2, 2], [-1, 1, 2, 2], [-1, -1, -1, -1])
    """
    wanted = [sign * distance for distance in range(1, reach + 1) for sign in (-1, 1)]

    def most_similar(place: int) -> int:
        nearest = min(abs(abs(at) - abs(place)) for at in offsets)
        known = [at for at in offsets if abs(abs(at) - abs(place)) == nearest]
        return min(known, key=lambda at: abs(at - place))

    return [most_similar(place) for place in wanted]
