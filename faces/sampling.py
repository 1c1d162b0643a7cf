"""Which frames of a video are looked at: pure index arithmetic."""


def uniform(total: int, wanted: int) -> list[int]:
    """Indices of `wanted` frames spread evenly over the *whole* video of `total` frames.

    The middles of `wanted` equal stretches, so that both ends count alike and a container
    that promises one frame too many costs nothing. Every frame when total <= wanted.
    """
    if total <= wanted:
        return list(range(total))
    return [(2 * i + 1) * total // (2 * wanted) for i in range(wanted)]
