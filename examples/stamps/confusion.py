"""Draws a confusion matrix as SVG: a row for each true class, a column for each prediction."""
from xml.sax.saxutils import escape

CELL = 42
GAP = 2
LETTER = 7.2  # approximate width of a letter at 13 px
INK, FAINT, EMPTY = "#1f2933", "#7b8794", "#f3f5f7"
RIGHT, WRONG = (27, 94, 160), (201, 82, 20)  # blue for correct predictions, orange for errors


def shade(color, strength):
    """Interpolates from nearly white (0) to the full color (1)."""
    r, g, b = (round(255 - (255 - c) * (0.12 + 0.88 * strength)) for c in color)
    return f"#{r:02x}{g:02x}{b:02x}"


def percent(x):
    return "–" if x is None else f"{100 * x:.0f} %"


def text(x, y, content, size=13, color=INK, anchor="middle", extra=""):
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{color}" text-anchor="{anchor}"{extra}>'
        f"{escape(str(content))}</text>"
    )


def draw(metrics):
    """Returns the SVG text; `metrics` is the output of evaluate.measure."""
    classes, counts = metrics["confusion"]["classes"], metrics["confusion"]["counts"]
    longest = max(len(label) for label in classes) * LETTER
    left, top = 24 + 20 + longest, 96 + 0.75 * longest
    grid = len(classes) * CELL
    width = left + grid + 24 + max(62, 0.75 * longest)
    height = top + grid + 54
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="system-ui, \'DejaVu Sans\', Arial, sans-serif">',
        "<title>Confusion matrix</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        text(24, 36, f'Accuracy {100 * metrics["accuracy"]:.1f} %', 20, anchor="start", extra=' font-weight="600"'),
        text(
            24,
            58,
            f'95 % interval {100 * metrics["accuracy_low"]:.1f} to {100 * metrics["accuracy_high"]:.1f} %, '
            f'{metrics["pictures"]} held-out pictures',
            color=FAINT,
            anchor="start",
        ),
        text(left + grid / 2, top + grid + 44, "answer", 12, FAINT),
        text(0, 0, "truth", 12, FAINT, extra=f' transform="translate(30 {top + grid / 2:g}) rotate(-90)"'),
        text(left + grid + 10, top - 12, "recall", 12, FAINT, "start"),
        text(left - 10, top + grid + 21, "precision", 12, FAINT, "end"),
    ]
    for i, label in enumerate(classes):
        middle = i * CELL + CELL / 2
        measured = metrics["by_class"][label]
        place = f' transform="translate({left + middle + 4:g} {top - 10:g}) rotate(-45)"'
        parts.append(text(0, 0, label, anchor="start", extra=place))
        parts.append(text(left - 10, top + middle + 4.5, label, anchor="end"))
        parts.append(text(left + grid + 10, top + middle + 4.5, percent(measured["recall"]), 12, FAINT, "start"))
        parts.append(text(left + middle, top + grid + 21, percent(measured["precision"]), 12, FAINT))
    for i, row in enumerate(counts):
        total = sum(row)
        for j, count in enumerate(row):
            x, y = left + j * CELL, top + i * CELL
            strength = count / total if total else 0
            fill = shade(RIGHT if i == j else WRONG, strength) if count else EMPTY
            parts.append(
                f'<rect x="{x + GAP / 2:g}" y="{y + GAP / 2:g}" width="{CELL - GAP}" height="{CELL - GAP}" rx="4" '
                f'fill="{fill}"/>'
            )
            if count:
                color = "#ffffff" if strength > 0.5 else INK
                parts.append(text(x + CELL / 2, y + CELL / 2 + 5, count, 14, color))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
