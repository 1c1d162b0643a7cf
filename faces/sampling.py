"""Which frames of a video are looked at: pure index arithmetic."""


def uniform(total: int, wanted: int) -> list[int]:
    """Indices of `wanted` frames spread evenly over the *whole* video of `total` frames.

    The middles of `wanted` equal stretches, so that both ends count alike and a container
    that promises one frame too many costs nothing. Every frame when total <= wanted.
    """
    if total <= wanted:
        return list(range(total))
    return [(2 * i + 1) * total // (2 * wanted) for i in range(wanted)]


def consecutive(total: int, wanted: int, run: int) -> list[int]:
    """Indices of `wanted` frames in runs of `run` neighbours each, spread evenly over the video:
    for models that look at motion from frame to frame. Every frame when total <= wanted.
    """
    if total <= wanted:
        return list(range(total))
    runs = max(1, wanted // run)
    length = min(run, wanted)
    middles = [(2 * i + 1) * total // (2 * runs) for i in range(runs)]
    return [middle - length // 2 + step for middle in middles for step in range(length)]
