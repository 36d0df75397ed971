"""The language and the look that a visitor chose, kept in cookies; also for those who are not signed in."""

from typing import Final

from starlette.responses import Response

from reelway.console.security import local_path
from reelway.console.visit import CONSOLE, THEMES, Page, Visit


async def set_preferences(visit: Visit) -> Response:
    """Whatever of `language` and `theme` the form has; then back to where it stood."""
    names = visit.site.cookies
    language, theme = visit.form.text("language"), visit.form.text("theme")
    if language in visit.site.languages:
        visit.keep(names.language, language, is_secret=False)
    if theme in THEMES:
        visit.keep(names.theme, theme, is_secret=False)
    return visit.redirect_here(local_path(visit.form.text("back"), visit.path(f"{CONSOLE}/")))


PAGES: Final = (Page("/preferences", set_preferences, None, "POST"),)
