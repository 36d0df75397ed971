"""What a kind of provider can make of a card, where its entry in the file does not say."""

from collections.abc import Collection
from dataclasses import replace

from reelway.domain.catalog import Card, Control
from reelway.domain.generation import Mode, Product
from reelway.domain.routing import Capability


def card_capability(card: Card) -> Capability:
    """All that the card's own parameters can say; no shots of the caller's own, no camera, voices or masks."""
    durations, ratios = card.control(Control.DURATION_S), card.control(Control.ASPECT_RATIO)
    assert durations is not None
    assert ratios is not None
    has_images = card.references.files_max > 0
    return Capability(
        products=frozenset(Product) if has_images else frozenset({Product.TEXT_TO_VIDEO}),
        durations_s=frozenset(int(option) for option in durations.options),
        aspect_ratios=frozenset(ratios.options),
        modes=frozenset(card.modes),
        sound=card.control(Control.SOUND) is not None,
        multi_shots=card.control(Control.MULTI_SHOTS) is not None,
        negative_prompt=card.control(Control.NEGATIVE_PROMPT) is not None,
        last_frame=card.references.takes_tail_frame,
        reference_kinds=frozenset(card.references.kinds),
        cfg_scale=card.control(Control.CFG_SCALE) is not None,
        own_shots=False,
    )


def boxes_of(capability: Capability) -> tuple[Capability, ...]:
    """The same without the pair that no protocol takes: several shots together with a last frame.

    Source: seed 004; Rivya contract, 7.4 (V35); OpenAI Videos contract, 7.4 (O12).
    """
    if not (capability.multi_shots and capability.last_frame):
        return (capability,)
    return replace(capability, multi_shots=False), replace(capability, last_frame=False)


def within(capability: Capability, *, takes: Collection[str], modes: Collection[Mode]) -> Capability:
    """The part of a capability that stays with these modes, where only the extensions in `takes` are understood."""
    return replace(
        capability,
        modes=frozenset(modes),
        sound=capability.sound and "sound" in takes,
        multi_shots=capability.multi_shots and "multi_shots" in takes,
        negative_prompt=capability.negative_prompt and "negative_prompt" in takes,
        last_frame=capability.last_frame and "last_frame" in takes,
        cfg_scale=capability.cfg_scale and "cfg_scale" in takes,
    )
