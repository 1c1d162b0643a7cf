"""Status, p_fake and threshold → verdict."""

VERDICTS = ("real", "fake", "uncertain", "no_face", "unreadable")


def verdict(status: str, p_fake: float | None, threshold: float) -> str:
    """`status` is ok, no_face or unreadable; a video that is not ok has no p_fake and its status
    is its verdict."""
    if status != "ok":
        assert p_fake is None, "a video without a face must not have a score"
        return status
    assert p_fake is not None
    return "fake" if p_fake >= threshold else "real"
