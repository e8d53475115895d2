"""Arrays that nobody can change, and refusals that say what, got and allowed."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def frozen_floats(name: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Give a read-only float64 copy, or refuse it by name.

    Args:
        name: what the message calls the array.
        values: numbers of any real type.
        shape: the only shape allowed.

    Returns:
        The copy.

    Raises:
        ValueError: another shape, or a value that is not finite.
    """
    copied = np.array(values, dtype=np.float64)
    if copied.shape != shape:
        raise ValueError(f"{name}: got shape {copied.shape}, allowed: {shape}")
    refuse_where(name, copied, ~np.isfinite(copied), "finite numbers")
    copied.setflags(write=False)
    return copied


def refuse_where(name: str, values: FloatArray | IntArray, bad: npt.NDArray[np.bool_], allowed: str) -> None:
    """Refuse an array if any of its values is marked bad, and name the first.

    Args:
        name: what the message calls the array.
        values: the array.
        bad: True where a value is not allowed, same shape.
        allowed: what would have been accepted, for the message.

    Raises:
        ValueError: at least one value is marked.
    """
    if bad.any():
        position = tuple(int(i) for i in np.argwhere(bad)[0])
        where = position[0] if len(position) == 1 else position
        raise ValueError(f"{name}: got {values[position].item()} at {where}, allowed: {allowed}")


def frozen_labels(name: str, values: npt.ArrayLike, shape: tuple[int, ...] | None = None) -> IntArray:
    """Give a read-only int64 copy of one-dimensional labels, or refuse it by name.

    Args:
        name: what the message calls the array.
        values: integers.
        shape: the only shape allowed; any one-dimensional shape if not given.

    Returns:
        The copy.

    Raises:
        ValueError: another shape, or values that are not integers.
    """
    given = np.asarray(values)
    if given.ndim != 1 or (shape is not None and given.shape != shape):
        allowed = "(S,), one label per row" if shape is None else str(shape)
        raise ValueError(f"{name}: got shape {given.shape}, allowed: {allowed}")
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"{name}: got {given.dtype} values, allowed: integers")
    copied = np.array(given, dtype=np.int64)
    copied.setflags(write=False)
    return copied


def summed(position: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Give the sum of the values at each position, added in the order of the rows.

    Args:
        position: where each value belongs, shape (R,), each in [0, size).
        values: shape (R,).
        size: number of positions.

    Returns:
        Sums, shape (size,).
    """
    return np.bincount(position, values, size).astype(np.float64, copy=False)
