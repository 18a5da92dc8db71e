"""The style of a page's component: what all of them share (component.css), then its own."""

from pathlib import Path

_SHARED = Path(__file__).with_name("component.css")


def component_css(own: Path) -> str:
    """The shared rules and those of the component's file, which may override them."""
    return f"{_SHARED.read_text(encoding='utf-8')}\n{own.read_text(encoding='utf-8')}"
