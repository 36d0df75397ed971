"""Values inside `input`: checked by the contract's rules and the limits of the model's card. Source: contract 6.2."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reelway.dialects.apixo import wording
from reelway.dialects.base import ParseContext, is_own_url
from reelway.domain.catalog import Card, Control
from reelway.domain.errors import Problem
from reelway.domain.generation import CFG_SCALE_NEUTRAL, Generation, Mode, Product, Reference
from reelway.domain.media import MediaKind
from reelway.domain.public_url import public_url_problem

INPUT_KEYS: Final = (
    "mode",
    "prompt",
    "duration",
    "image_urls",
    "aspect_ratio",
    "negative_prompt",
    "cfg_scale",
)
NEGATIVE_PROMPT_LENGTH_MAX: Final = 2500
"""For models whose card has no such parameter; it is taken all the same."""


@dataclass(frozen=True, slots=True)
class InputReader:
    """The `input` object of a create; adds to the shared list of problems, in the order of contract 6.3."""

    values: Mapping[str, Any]
    card: Card
    mode: Mode
    context: ParseContext
    problems: list[Problem]

    def read(self) -> Generation:
        """What is to be made. It is meant only where no problem was added."""
        product = self._product()
        prompt = self._prompt()
        duration_s = self._duration_s()
        images = self._images(product)
        aspect_ratio = self._aspect_ratio()
        if images:
            aspect_ratio = self._default(
                Control.ASPECT_RATIO
            )  # the frame follows the image: what was said has no effect
        return Generation(
            model=self.card.id,
            prompt=prompt,
            duration_s=duration_s,
            aspect_ratio=aspect_ratio,
            mode=self.mode,
            negative_prompt=self._negative_prompt(),
            cfg_scale=self._cfg_scale(),
            start_frame=images[0] if images else None,
            last_frame=images[1] if len(images) > 1 else None,
        )

    def _invalid(self, key: str, rule: str) -> None:
        self.problems.append(wording.invalid(f"input.{key}", rule))

    def _default(self, control: Control) -> str:
        param = self.card.control(control)
        assert param is not None
        return str(param.default)

    def _options(self, control: Control) -> tuple[str, ...]:
        param = self.card.control(control)
        assert param is not None
        return param.options

    def _product(self) -> Product | None:
        """None where it is not known which one is meant."""
        value = self.values.get("mode")
        if value is None:
            return Product.TEXT_TO_VIDEO
        products = tuple(Product) if self.card.references.files_max else (Product.TEXT_TO_VIDEO,)
        if value not in products:
            self._invalid("mode", wording.one_of(products))
            return None
        return Product(value)

    def _prompt(self) -> str:
        if "prompt" not in self.values:
            self.problems.append(wording.missing("input.prompt"))
            return ""
        prompt, length_max = self.values["prompt"], self.card.prompt_length_max
        if not isinstance(prompt, str):
            self._invalid("prompt", "must be a string")
            return ""
        if not prompt.strip():
            self._invalid("prompt", "must not be empty")
        elif len(prompt) > length_max:
            self._invalid("prompt", f"at most {length_max} characters")
        return prompt

    def _duration_s(self) -> int:
        """A number of seconds, or its text; `5.0` counts as 5."""
        value, options = self.values.get("duration"), self._options(Control.DURATION_S)
        if value is None:
            return self.card.default_duration_s
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        found = next((int(option) for option in options if value == (int(option) if is_number else option)), None)
        if found is None:
            self._invalid("duration", f"must be {wording.alternatives(options)}")
        return found or self.card.default_duration_s

    def _images(self, product: Product | None) -> tuple[Reference, ...]:
        """The frames, start frame first."""
        urls, files_max = self.values.get("image_urls"), self.card.references.files_max
        if urls is None or urls == []:
            if product is Product.IMAGE_TO_VIDEO:
                self.problems.append(wording.missing("input.image_urls"))
            return ()
        is_list = isinstance(urls, list)
        if files_max and (not is_list or len(urls) > files_max):
            numbers = wording.alternatives(range(1, files_max + 1))
            self._invalid("image_urls", f"must be an array of {numbers} URL{'s' if files_max > 1 else ''}")
        found = [self._image(number, url) for number, url in enumerate(urls[:files_max])] if is_list else []
        if product is Product.TEXT_TO_VIDEO and (is_list or not files_max):
            self._invalid("image_urls", f"not allowed in {product}")
        return tuple(reference for reference in found if reference is not None)

    def _image(self, number: int, url: Any) -> Reference | None:
        key = f"image_urls[{number}]"
        if isinstance(url, str) and is_own_url(url, self.context.file_base_url):
            file = self.context.own_files.get(url)
            if file is not None and file.kind is MediaKind.IMAGE:
                return Reference(file_id=file.id)
            self._invalid(key, "unknown or expired file" if file is None else "the file must be an image")
        elif isinstance(url, str) and public_url_problem(url) is None:
            return Reference(url=url)
        else:
            self._invalid(key, "must be a public https URL")
        return None

    def _aspect_ratio(self) -> str:
        value, options = self.values.get("aspect_ratio"), self._options(Control.ASPECT_RATIO)
        if value is not None and value not in options:
            self._invalid("aspect_ratio", wording.one_of(options))
        return str(value) if value in options else self._default(Control.ASPECT_RATIO)

    def _negative_prompt(self) -> str:
        value, param = self.values.get("negative_prompt"), self.card.control(Control.NEGATIVE_PROMPT)
        length_max = (param.length_max if param is not None else None) or NEGATIVE_PROMPT_LENGTH_MAX
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > length_max:
            self._invalid("negative_prompt", f"must be a string of at most {length_max} characters")
            return ""
        return value

    def _cfg_scale(self) -> float:
        value = self.values.get("cfg_scale")
        if value is None:
            return CFG_SCALE_NEUTRAL
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self._invalid("cfg_scale", "must be a number from 0 to 1")
            return CFG_SCALE_NEUTRAL
        return value
