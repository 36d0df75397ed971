"""How a foot goes through a stride, of people and of animals alike."""

import math


def footfall(share: float, on_ground: float) -> tuple[float, float]:
    """How far ahead a foot is, -1 to 1, and how high it is lifted, 0 to 1, at a share of its stride, 0 to 1.

    For the part `on_ground` it stands and falls back with the ground; then it swings forward through the air.
    """
    if share < on_ground:
        return 1 - 2 * share / on_ground, 0.0
    swing = math.pi * (share - on_ground) / (1 - on_ground)
    return -math.cos(swing), math.sin(swing)
