"""A result in words."""

from model import Face, Hand, Result
from model.output.draw import label, opacity

NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()


UNCLEAR = "unclear side"
SIDES = ("left", "right", UNCLEAR)


def side_of(hand: Hand) -> str:
    """'left', 'right', or that it is little more than a coin's toss."""
    return hand.handedness if hand.handedness_is_clear else UNCLEAR


def number(count: int) -> str:
    """A count in words where it is small."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def counted(count: int, one: str) -> str:
    """'one hand', 'two hands'."""
    return f"{number(count)} {one}{'' if count == 1 else 's'}"


def summary(result: Result) -> str:
    """One sentence: what was found."""
    if not result.hands and not result.faces:
        return "No hands or faces found."
    sides = [side_of(hand) for hand in result.hands]
    hands = counted(len(sides), "hand")
    if sides:
        parts = [f"{number(sides.count(side))} {side}" for side in SIDES if side in sides]
        hands += f" ({' and '.join(parts) if len(sides) > 1 else sides[0]})"
    text = f"{hands} and {counted(len(result.faces), 'face')}"
    return f"{text[0].upper()}{text[1:]}."


def names(result: Result) -> list[tuple[str, Hand | Face]]:
    """A name for each hand and face, in the result's order: 'Right hand', 'Face 2', ..."""
    named: list[tuple[str, Hand | Face]] = []
    for side in SIDES:
        own = [hand for hand in result.hands if side_of(hand) == side]
        name = f"Hand of {side}" if side == UNCLEAR else f"{side.capitalize()} hand"
        named += [(f"{name}{_place(i, own)}", hand) for i, hand in enumerate(own)]
    named += [(f"Face{_place(i, result.faces)}", face) for i, face in enumerate(result.faces)]
    return named


def _place(index: int, among) -> str:
    return f" {index + 1}" if len(among) > 1 else ""


def details(instance: Hand | Face) -> str:
    """'Hand 86 % · left 98 % · points ± 4 px': its confidence, that of its side, the mean expected error of its points; and how many of
    them are drawn faint."""
    size = max(float(side) for side in instance.landmarks[:, :2].max(0) - instance.landmarks[:, :2].min(0))
    unsure = int((opacity(instance.sigma, size) < 0.7).sum())
    error = float(instance.sigma.mean())
    words = [label(instance), f"points ± {error:.{0 if error >= 1 else 1}f} px"]
    if unsure:
        words.append(f"{unsure} of {len(instance.sigma)} points uncertain (drawn faint)")
    return " · ".join(words)
