"""Still and moving water: what stands above it, mirrored with ripples, under its own colour and the sun's glitter."""

from collections.abc import Sequence

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.camera import FAR
from reelway.providers.animatic.canvas import Canvas, yuv
from reelway.providers.animatic.facts import Feature, TimeOfDay, Weather
from reelway.providers.animatic.noise import clouds
from reelway.providers.animatic.palette import Material, mix
from reelway.providers.animatic.stage import Moment, Stage

_MARGIN = 0.35  # extra width of the ripple sheets, in frame widths: they travel against each other
_TRAVEL = 0.055  # how much of a frame height they travel in a second


class Water:
    """Fills the frame below a shore line with the mirrored picture above it. Drawn after everything it mirrors.

    `shore` is the water's far edge at depth `depth`; `roughness` 0 is a mirror and 1 the open sea. Waves are two sheets
    that travel against each other; what bends light, and the mirrored picture, are kept at half size: waves are smooth,
    and no water mirrors as sharply as it is looked at.
    """

    def __init__(self, stage: Stage, *, shore: float, depth: float, roughness: float) -> None:
        self._stage, self._shore, self._depth = stage, shore, depth
        height, width = stage.height, stage.width
        half = (height // 2, width // 2)
        near = np.linspace(0, 1, half[0], dtype=np.float32)[:, None] ** 0.8
        self._amplitude = (near * (0.012 + 0.20 * roughness) * height).astype(np.float32)
        self._ripples = [self._ripple_sheet(name) for name in ("first", "second")]
        reach = (2 * self._ripples[0].shape[1], height)
        self._waves = [
            cv2.resize(np.clip(sheet * 300 + 128, 0, 255).astype(np.uint8), reach, interpolation=cv2.INTER_LINEAR)
            for sheet in self._ripples
        ]
        self._swell = 0.015 + 0.11 * roughness
        self._rows = 2 * np.arange(half[0], dtype=np.float32)[:, None] + 0.5
        self._columns = 2 * np.arange(half[1], dtype=np.float32)[None] + 0.5
        self._maps = np.empty((2, *half), np.float32)
        self._mirror = 0.75 if stage.scene.shows(Feature.REFLECTION, usually=True) else 0.0
        self._keep, self._own = self._tint_planes(roughness)
        self._glitters = self._is_lit()

    def _ripple_sheet(self, name: str) -> Floats:
        """Waves that shrink and flatten with distance: rows of one noise sheet, read ever faster towards the shore."""
        height, width = self._stage.height // 2, round(self._stage.width * (1 + _MARGIN) / 2)
        random = self._stage.scene.random(f"ripples {name}")
        sheet = clouds(random, (512, 1024), (40, 26), 3, gain=0.6) - 0.5
        near = np.linspace(0.02, 1, height, dtype=np.float32)[:, None]
        across = (np.arange(width, dtype=np.float32)[None] - width / 2) / height
        map_x = np.broadcast_to(512 + across / (0.25 + 0.75 * near) * 300, (height, width)).astype(np.float32)
        map_y = np.broadcast_to(np.log(near + 0.03) * 190, (height, width)).astype(np.float32)
        return cv2.remap(sheet, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)

    def _tint_planes(self, roughness: float) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes, Bytes]]:
        """What is kept of the mirrored picture, in luma and chroma, and the water's own light and colour."""
        stage, height = self._stage, self._stage.height
        palette = stage.palette
        near = np.linspace(0, 1, height, dtype=np.float32)
        keep = np.clip((self._mirror + 0.2) * (1 - 0.35 * roughness) - (0.35 + 0.10 * roughness) * near, 0.12, 0.95)
        deep = yuv(mix(palette.material(Material.WATER, 0.35), palette.sky[0], 0.25))
        far = yuv(mix(palette.material(Material.WATER, 0.7), palette.sky[-2], 0.5))
        own = [(1 - keep) * (far[channel] * (1 - near) + deep[channel] * near) for channel in range(3)]

        def plane(column: Floats, step: int) -> Bytes:
            return np.repeat(np.round(column[::step])[:, None], stage.width // step, axis=1).astype(np.uint8)

        return (plane(255 * keep, 1), plane(255 * keep, 2)), (plane(own[0], 1), plane(own[1], 2), plane(own[2], 2))

    def _is_lit(self) -> bool:
        """Whether a sun or a moon can glitter on the waves."""
        scene = self._stage.scene
        light = Feature.MOON if scene.time_of_day is TimeOfDay.NIGHT else Feature.SUN
        return scene.weather not in (Weather.RAIN, Weather.STORM, Weather.FOG) and light not in scene.absent

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        to_screen = self._stage.to_screen(moment.pose, self._depth)
        line = float((to_screen @ (0, self._shore, 1))[1])
        top = max(0, 2 * int(np.ceil(line / 2)))
        if canvas.height - top < 4:
            return
        travel = round(moment.time_s * _TRAVEL * canvas.height / 2) % max(1, round(canvas.width * _MARGIN / 2))
        self._reflect(canvas, top, line, travel)
        self._colour(canvas, top)
        self._shade(canvas, top, 2 * travel)
        if self._glitters:
            self._sparkle(canvas, moment, top, 2 * travel)

    def _views(self, sheets: Sequence[Bytes | Floats], rows: int, columns: int, travel: int) -> list[Bytes | Floats]:
        """What is in the frame of the two sheets, one going left and one going right."""
        reach = sheets[0].shape[1] - columns
        return [sheet[:rows, at : at + columns] for sheet, at in zip(sheets, (travel, reach - travel), strict=True)]

    def _reflect(self, canvas: Canvas, top: int, line: float, travel: int) -> None:
        """Sample the frame above the line, upside down; ripples shift where each point looks, further when near."""
        count = canvas.height - top
        rows, columns = count // 2, canvas.width // 2
        across, down = self._maps[:, :rows]
        first, second = self._views(self._ripples, rows, columns, travel)
        np.add(first, second, out=down)
        np.multiply(down, self._amplitude[:rows], out=down)
        np.multiply(down, 0.35, out=across)
        across += self._columns
        down *= 2.2
        down += 2 * line - top - self._rows[:rows]
        np.clip(down, 0, max(1.0, line - 1), out=down)
        for axis in (across, down):  # from pixels of the frame to those of half its size
            axis -= 0.5
            axis *= 0.5
        above = canvas.luma[: max(2, top)]  # a camera that looks far down sees nothing above the shore
        small = cv2.resize(above, (columns, len(above) // 2), interpolation=cv2.INTER_AREA)
        mirrored, u, v = (
            cv2.remap(plane, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for plane in (small, canvas.u, canvas.v)
        )
        cv2.resize(mirrored, (canvas.width, count), dst=canvas.luma[top:], interpolation=cv2.INTER_LINEAR)
        canvas.u[top // 2 :], canvas.v[top // 2 :] = u, v

    def _colour(self, canvas: Canvas, top: int) -> None:
        """Let a share of the mirrored picture through, less when near, and add the water's own colour."""
        keeps = (self._keep[0], self._keep[1], self._keep[1])
        for plane, keep, own, start in zip(
            (canvas.luma, canvas.u, canvas.v), keeps, self._own, (top, top // 2, top // 2), strict=True
        ):
            part = plane[start:]
            cv2.multiply(part, keep[: len(part)], dst=part, scale=1 / 255)
            cv2.add(part, own[: len(part)], dst=part)

    def _shade(self, canvas: Canvas, top: int, travel: int) -> None:
        """Waves turn brighter towards the light and darker away from it."""
        luma = canvas.luma[top:]
        for view in self._views(self._waves, len(luma), canvas.width, travel):
            cv2.addWeighted(luma, 1.0, view, self._swell, -128 * self._swell, dst=luma)

    def _sparkle(self, canvas: Canvas, moment: Moment, top: int, travel: int) -> None:
        """Points of light under the sun, where both sheets of waves are high."""
        rows, columns = canvas.height - top, canvas.width
        first, second = self._views(self._waves, rows, columns, travel)
        light = cv2.addWeighted(first, 0.5, second, 0.5, -160)
        x = float((self._stage.to_screen(moment.pose, FAR) @ (*self._stage.sun, 1))[0])
        near = np.linspace(0, 1, max(2, rows // 8), dtype=np.float32)[:, None]
        across = np.linspace(0, columns, max(2, columns // 8), dtype=np.float32)[None] - x
        path = 255 * np.exp(-((across / ((0.06 + 0.22 * near) * canvas.height)) ** 2))
        wide = cv2.resize(path.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_LINEAR)
        canvas.lighten(cv2.multiply(light, wide, scale=3.5 / 255), 0, top)
