"""Messages for configurations that are not valid."""

from collections.abc import Callable

from pydantic import ValidationError

from napari_dip.errors import NapariDipError


def explain(error: ValidationError, name: Callable[[str], str] = str) -> str:
    """Return one sentence for each invalid field: its value, and the expected one.

    Parameters
    ----------
    error : ValidationError
        Error of pydantic.
    name : callable, optional
        Function that turns the path of a field, such as "fit.max_iterations", into the
        name that the user sees.

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
        field = name(".".join(map(str, detail["loc"])))
        message = detail["msg"][:1].lower() + detail["msg"][1:]
        parts.append(f"Got {detail['input']!r} for {field}: {message}.")
    return " ".join(parts)
