"""The sky: its gradient, sun, moon, stars, clouds and northern lights."""

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.camera import FAR
from reelway.providers.animatic.canvas import Picture
from reelway.providers.animatic.facts import Feature, TimeOfDay, Weather
from reelway.providers.animatic.noise import clouds, profile, smoothstep
from reelway.providers.animatic.palette import Colour, Material, colour, luma, mix
from reelway.providers.animatic.stage import Element, Layer, Sheet, Stage

_COVER = {
    Weather.CLEAR: 0.30,
    Weather.CLOUD: 0.62,
    Weather.RAIN: 0.80,
    Weather.SNOW: 0.66,
    Weather.FOG: 0.30,
    Weather.STORM: 0.88,
}
_SUN_HIDDEN = (Weather.RAIN, Weather.STORM)


def sky(stage: Stage, *, bottom: float = 9.0) -> list[Element]:
    """Everything above the horizon, the backdrop first; `bottom` is where nothing of it shows any more."""
    elements: list[Element] = [Layer(stage, _backdrop(stage, bottom))]
    if stage.scene.shows(Feature.AURORA, usually=False) and stage.scene.time_of_day is TimeOfDay.NIGHT:
        elements.append(_aurora(stage))
    if stage.scene.shows(Feature.CLOUDS, usually=True):
        elements.append(_cloud_layer(stage))
    return elements


def gradient(stops: tuple[Colour, ...], positions: Floats) -> Floats:
    """Colours along evenly spaced stops; positions 0 to 1, any shape, give shape (..., 3)."""
    at = np.linspace(0, 1, len(stops))
    channels = [np.interp(positions, at, [stop[channel] for stop in stops]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _backdrop(stage: Stage, bottom: float) -> Picture:
    sheet = stage.sheet(FAR)
    columns = sheet.shape[1]
    palette, horizon = stage.palette, stage.horizon
    heights = np.clip((sheet.ys[:, 0] + 0.62) / (horizon + 0.62), 0, 1)
    column = gradient(palette.sky, (1 - (1 - heights) ** 1.15).astype(np.float32))
    rgb = np.repeat(column[:, None, :], columns, axis=1)
    if stage.scene.weather not in _SUN_HIDDEN:
        rgb += _glow(stage, sheet)
    scene = stage.scene
    night = scene.time_of_day is TimeOfDay.NIGHT
    open_sky = scene.weather in (Weather.CLEAR, Weather.CLOUD) or Feature.STARS in scene.features
    if scene.shows(Feature.STARS, usually=night) and night and open_sky:
        rgb += _stars(stage, sheet)
    if scene.shows(Feature.MOON if night else Feature.SUN, usually=True) and scene.weather not in (
        *_SUN_HIDDEN,
        Weather.FOG,
    ):
        _disc(stage, sheet, rgb)
    return sheet.picture(np.clip(rgb, 0, 1, out=rgb))


def _glow(stage: Stage, sheet: Sheet) -> Floats:
    """Light around the sun or the moon, painted small and enlarged: it has no detail."""
    rows, columns = sheet.shape
    xs = cv2.resize(sheet.xs, (max(2, columns // 8), 1), interpolation=cv2.INTER_AREA)
    ys = cv2.resize(sheet.ys, (1, max(2, rows // 8)), interpolation=cv2.INTER_AREA)
    x, y = stage.sun
    distance = np.sqrt((xs - x) ** 2 + (ys - y) ** 2)
    night = stage.scene.time_of_day is TimeOfDay.NIGHT
    direct = luma(stage.palette.key) if not night else 0.30
    light = 0.26 * np.exp(-((distance / 0.09) ** 1.2)) + 0.34 * np.exp(-distance / 0.34)
    if night:
        light *= 0.5
    elif stage.scene.time_of_day is not TimeOfDay.DAY:
        light += 0.16 * np.exp(-(((ys - stage.horizon) / 0.12) ** 2)) * np.exp(-(((xs - x) / 0.7) ** 2))
    small = (light * min(1.0, 1.35 * direct))[..., None] * stage.palette.sun
    return cv2.resize(small.astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC)


def _disc(stage: Stage, sheet: Sheet, rgb: Floats) -> None:
    """The sun's or the moon's disc, the moon with its seas."""
    night = stage.scene.time_of_day is TimeOfDay.NIGHT
    radius = {TimeOfDay.DAY: 0.030, TimeOfDay.NIGHT: 0.036}.get(stage.scene.time_of_day, 0.046) * stage.breadth
    x, y = stage.sun
    rows = np.flatnonzero(np.abs(sheet.ys[:, 0] - y) < radius * 1.3)
    columns = np.flatnonzero(np.abs(sheet.xs[0] - x) < radius * 1.3)
    if not rows.size or not columns.size:
        return
    area = np.ix_(rows, columns)
    distance = np.sqrt((sheet.xs[:, columns] - x) ** 2 + (sheet.ys[rows] - y) ** 2)
    opacity = np.clip((radius - distance) * sheet.ppu + 0.5, 0, 1)[..., None]
    warm = stage.palette.sun if night else mix(stage.palette.sun, np.ones(3, np.float32), 0.7)
    face = np.broadcast_to(np.clip(warm * 1.05, 0, 1), (rows.size, columns.size, 3))
    if night:
        seas = clouds(stage.scene.random("moon"), (rows.size, columns.size), (4, 4), 4)
        face = face * (0.80 + 0.30 * smoothstep(0.40, 0.62, seas))[..., None]
    rgb[area] = rgb[area] * (1 - opacity) + np.clip(face, 0, 1) * opacity


def _stars(stage: Stage, sheet: Sheet) -> Floats:
    """Points of light, fewer and fainter near the horizon, with a soft band of far ones."""
    random = stage.scene.random("stars")
    rows, columns = sheet.shape
    count = 520
    xs, ys = random.uniform(-1.6, 1.6, count), random.uniform(-0.75, 0.55, count)
    bright = random.pareto(2.2, count).clip(0.12, 2.4) * 0.42
    plane = np.zeros((rows, columns), np.float32)
    for x, y, value in zip(xs, ys, bright, strict=True):
        column, row = (x - sheet.xs[0, 0]) * sheet.ppu, (y - sheet.ys[0, 0]) * sheet.ppu
        fade = min(1.0, max(0.0, (stage.horizon - y) / 0.35))
        radius = max(0.55, sheet.ppu / 1000 * (0.6 + 0.7 * value))
        stamp(plane, float(column), float(row), radius, float(value) * fade)
    return plane[..., None] * np.array([0.92, 0.95, 1.0], np.float32)


def stamp(plane: Floats, column: float, row: float, radius: float, value: float) -> None:
    """Add a soft dot; what lies outside the plane is left out."""
    reach = int(radius * 3) + 1
    left, top = int(column) - reach, int(row) - reach
    first_row, last_row = max(0, top), min(plane.shape[0], top + 2 * reach + 1)
    first_column, last_column = max(0, left), min(plane.shape[1], left + 2 * reach + 1)
    if first_row >= last_row or first_column >= last_column:
        return
    down = (np.arange(first_row, last_row, dtype=np.float32) - row)[:, None]
    across = (np.arange(first_column, last_column, dtype=np.float32) - column)[None]
    plane[first_row:last_row, first_column:last_column] += value * np.exp(-(down**2 + across**2) / (radius * radius))


def _cloud_layer(stage: Stage) -> Layer:
    """Clouds lit from the sun's side, flatter towards the horizon, drifting slowly."""
    random = stage.scene.random("clouds")
    drift = float(random.choice([-1.0, 1.0])) * (0.014 if stage.scene.weather is not Weather.STORM else 0.035)
    sheet = stage.sheet(40.0, bottom=stage.horizon + 0.02, detail=0.5, drift=drift * 15)
    cover = _COVER[stage.scene.weather] + (0.16 if Feature.CLOUDS in stage.scene.features else 0.0)
    field = clouds(random, sheet.shape, sheet.cells(3.0, stretch=2.2), 6, gain=0.52)
    masses = clouds(random, sheet.shape, sheet.cells(1.0, stretch=1.8), 3)
    density = field * 0.60 + masses * 0.40
    height = np.clip((stage.horizon - sheet.ys) / (stage.horizon + 0.55), 0, 1)
    threshold = 0.65 - 0.34 * cover
    opacity = smoothstep(threshold, threshold + 0.15, density) * smoothstep(0.0, 0.10, height) * (0.62 + 0.38 * cover)
    rgb = _cloud_colour(stage, sheet, np.clip((density - threshold) / 0.22, 0, 1.6))
    return Layer(stage, sheet.picture(rgb, np.clip(opacity, 0, 1).astype(np.float32)), drift)


def _cloud_colour(stage: Stage, sheet: Sheet, thickness: Floats) -> Floats:
    """Thin edges shine, thick bodies shade whatever lies away from the sun behind them."""
    x, y = stage.sun
    reach = max(1.0, 0.030 * sheet.ppu)
    soft = cv2.GaussianBlur(thickness.astype(np.float32), (0, 0), reach * 0.6)
    step = round(reach)
    towards_sun = -step if y < -0.1 else step // 2
    shadow = _moved(soft, -towards_sun) * 0.6 + thickness * 0.4
    near = np.exp(-np.sqrt((sheet.xs - x) ** 2 + (sheet.ys - y) ** 2) / 0.42)
    light = np.clip(1.12 - 0.78 * shadow, 0, 1)
    light = np.clip(light * (0.62 + 0.5 * near) + 0.30 * near, 0, 1)[..., None]
    palette = stage.palette
    bright = np.clip(mix(palette.material(Material.CLOUD, 0.95), palette.sun, 0.35), 0, 1)
    dark = mix(palette.material(Material.CLOUD, 0.12), palette.sky[1], 0.45)
    if stage.scene.weather in _SUN_HIDDEN:
        bright, dark = mix(dark, palette.sky[-1], 0.75), dark * np.float32(0.62)
    return np.clip(dark + (bright - dark) * light, 0, 1).astype(np.float32)


def _moved(values: Floats, rows: int) -> Floats:
    """The sheet moved down by rows (up when negative); its edge row fills what is left free."""
    index = np.clip(np.arange(len(values)) - rows, 0, len(values) - 1)
    moved: Floats = values[index]
    return moved


def _aurora(stage: Stage) -> Layer:
    """Curtains of green and violet light."""
    random = stage.scene.random("aurora")
    sheet = stage.sheet(60.0, bottom=stage.horizon, detail=0.5, drift=0.15)
    light = np.zeros(sheet.shape, np.float32)
    tint = np.zeros(sheet.shape, np.float32)
    for band in range(3):
        foot = stage.horizon - 0.16 - 0.13 * band + 0.09 * profile(random, sheet.xs, 1.4, 3)
        rays = 0.55 + 0.45 * profile(random, sheet.xs, 14.0, 3)
        above = (foot - sheet.ys) / (0.20 + 0.05 * band)
        curtain = np.exp(np.where(above > 0, -2.2 * above, 26 * above)) * rays
        light += curtain.astype(np.float32) * (0.75 - 0.15 * band)
        tint += curtain * np.clip(above, 0, 1)
    share = np.clip(tint / np.maximum(light, 1e-3), 0, 1)[..., None]
    rgb = stage.palette.grade(colour("4df0a0")) * (1 - share) + stage.palette.grade(colour("a45cf0")) * share
    return Layer(stage, sheet.picture(rgb.astype(np.float32), np.clip(light * 0.85, 0, 0.9)), 0.01)
