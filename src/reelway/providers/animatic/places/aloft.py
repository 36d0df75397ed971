"""High up: banks of cloud below an open sky; and an abstract place of ribbons of light."""

import cv2
import numpy as np

from reelway.providers.animatic import sky
from reelway.providers.animatic.camera import FAR
from reelway.providers.animatic.facts import TimeOfDay
from reelway.providers.animatic.noise import clouds, profile, smoothstep
from reelway.providers.animatic.palette import NAMED, Colour, Material, colour, mix
from reelway.providers.animatic.stage import Element, Ground, Layer, Setting, Stage
from reelway.providers.animatic.terrain import Relief

_SCHEMES = (
    ("14213d", "3a6ea5", "f2a65a", "f7e1b5"),
    ("1b1035", "7b2d8b", "f25f8a", "ffd6a5"),
    ("06262b", "0f7173", "8ec07c", "f2e8b8"),
    ("22162b", "5f4bb6", "86a5d9", "f4c6d7"),
    ("2b1a12", "a63d40", "e9b872", "f6e7cb"),
)


def cloudscape(stage: Stage) -> Setting:
    """A sea of clouds in four banks."""
    horizon = stage.horizon + 0.06
    banks = [
        Relief("farthest", 12.0, horizon + 0.03, 0.05, 2.2),
        Relief("far", 6.0, horizon + 0.10, 0.09, 1.7),
        Relief("middle", 3.2, horizon + 0.21, 0.13, 1.3),
        Relief("near", 1.7, horizon + 0.38, 0.18, 1.0),
    ]
    behind: list[Element] = [*sky.sky(stage)]
    behind.extend(_bank(stage, bank) for bank in banks[:3])
    return Setting(behind, Ground(0.10, 1.0), [_bank(stage, banks[3])])


def _bank(stage: Stage, bank: Relief) -> Layer:
    """One bank: a billowing edge, bright on top, darker and bluer below, fading into its own mist."""
    drift = 0.03 / bank.depth
    sheet = stage.sheet(bank.depth, top=bank.base - bank.height * 1.6, detail=0.5, drift=drift * 15)
    random = stage.scene.random(f"bank {bank.name}")
    line = bank.base - bank.height * (0.5 + 0.5 * profile(random, sheet.xs, bank.frequency, 3))
    billow = np.abs(clouds(random, sheet.shape, sheet.cells(3.4 / bank.height * 0.25), 5, gain=0.6) - 0.5) * 2
    below = sheet.ys - line + (billow - 0.35) * bank.height * 0.85
    light = np.clip(1.05 - below / (bank.height * 2.2) - 0.42 * (1 - billow) * smoothstep(0, 0.1, below), 0, 1)
    light = np.clip(light + 0.35 * np.exp(-np.abs(sheet.xs - stage.sun[0]) / 0.45) * smoothstep(0.14, 0.0, below), 0, 1)
    palette = stage.palette
    bright = np.clip(mix(palette.material(Material.CLOUD, 0.85), palette.sun, 0.3), 0, 1)
    dark = mix(palette.material(Material.CLOUD, 0.15), palette.sky[1], 0.45)
    bright, dark = palette.hazed(bright, 1 + bank.depth * 0.2), palette.hazed(dark, 1 + bank.depth * 0.5)
    rgb = dark + (bright - dark) * light[..., None]
    opacity = smoothstep(-0.004 - 0.012 * bank.height, 0.02 + 0.25 * bank.height, below)
    return Layer(stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32), opacity.astype(np.float32)), drift)


def abstract(stage: Stage) -> Setting:
    """Ribbons of light, each at its own depth and speed."""
    scheme = _scheme(stage)
    behind: list[Element] = [_wash(stage, scheme)]
    depths = (8.0, 5.0, 3.2, 2.1, 1.4)
    behind.extend(_ribbon(stage, scheme, index, depth) for index, depth in enumerate(depths))
    return Setting(behind, Ground(0.24, 1.0), [])


def _scheme(stage: Stage) -> list[Colour]:
    chosen = _SCHEMES[int(stage.scene.random("scheme").integers(len(_SCHEMES)))]
    shades = [colour(code) for code in chosen]
    for place, named in zip((2, 1), stage.scene.colours, strict=False):
        shades[place] = NAMED[named]
    dim = {TimeOfDay.NIGHT: 0.55, TimeOfDay.DAY: 1.12}.get(stage.scene.time_of_day, 0.9)
    return [np.clip(stage.palette.grade(shade) * np.float32(dim), 0, 1) for shade in shades]


def _wash(stage: Stage, scheme: list[Colour]) -> Layer:
    """The backdrop: slow clouds of the scheme's colours."""
    sheet = stage.sheet(FAR)
    small = (max(2, sheet.shape[0] // 8), max(2, sheet.shape[1] // 8))
    random = stage.scene.random("wash")
    first, second = (clouds(random, small, (2, 2), 2) for _ in range(2))
    fall = np.linspace(0, 1, small[0], dtype=np.float32)[:, None]
    share = np.clip(0.15 + 0.75 * fall + 0.9 * (first - 0.5), 0, 1)
    rgb = sky.gradient((scheme[0], mix(scheme[0], scheme[1], 0.8), mix(scheme[1], scheme[2], 0.45)), share)
    glow = np.clip(second - 0.55, 0, 1)[..., None]
    rgb = rgb + glow * scheme[2]
    return Layer(
        stage,
        sheet.picture(
            np.clip(cv2.resize(rgb.astype(np.float32), sheet.shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)
        ),
    )


def _ribbon(stage: Stage, scheme: list[Colour], index: int, depth: float) -> Layer:
    """A band of silk: bright where it folds, clear at its lower edge."""
    random = stage.scene.random(f"ribbon {index}")
    drift = float(random.choice([-1.0, 1.0])) * (0.02 + 0.05 / depth)
    sheet = stage.sheet(depth, drift=drift * 15, detail=0.75)
    height = float(random.uniform(-0.30, 0.34))
    upper = height + 0.17 * profile(random, sheet.xs, 0.9, 2) + 0.05 * np.sin(sheet.xs * float(random.uniform(2, 5)))
    width = 0.10 + 0.09 * (1 + profile(random, sheet.xs, 1.1, 2))
    within = (sheet.ys - upper) / width
    fold = 0.5 + 0.5 * np.sin(within * 3.0 + 2.4 * profile(random, sheet.xs, 1.6, 2))
    opacity = np.clip((sheet.ys - upper) * sheet.ppu * 0.6 + 0.5, 0, 1) * smoothstep(1.25, 0.0, within)
    rim = np.exp(-np.clip(within, 0, 9) * 16)
    first, second = scheme[1 + index % 3], scheme[1 + (index + 1) % 3]
    rgb = (
        mix(first, scheme[0], 0.25) + (second - first) * fold[..., None] + rim[..., None] * scheme[3] * np.float32(0.55)
    )
    return Layer(
        stage, sheet.picture(np.clip(rgb, 0, 1).astype(np.float32), (opacity * 0.82).astype(np.float32)), drift
    )
