"""Refusal: what was wrong with a configuration, in a sentence."""

from collections.abc import Callable

from pydantic import ValidationError

from napari_dip.errors import NapariDipError


def explain(error: ValidationError, name: Callable[[str], str] = str) -> str:
    """Say what was got and what was expected.

    Parameters
    ----------
    error : ValidationError
        What pydantic found.
    name : callable, optional
        Turns the path of a field, such as "fit.max_iterations", into what the user
        knows it by.

    Examples
    --------
    >>> from napari_dip.config import DipConfig
    >>> try:
    ...     DipConfig(runs=0)
    ... except ValidationError as error:
    ...     explain(error)
    'Got 0 for runs: input should be greater than or equal to 1.'
    """
    parts = []
    for detail in error.errors():
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, NapariDipError):
            parts.append(str(cause))
            continue
        place = name(".".join(map(str, detail["loc"])))
        message = detail["msg"][:1].lower() + detail["msg"][1:]
        parts.append(f"Got {detail['input']!r} for {place}: {message}.")
    return " ".join(parts)
