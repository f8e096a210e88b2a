# SPDX-License-Identifier: Apache-2.0
"""Draws the stages of each profile as stacked bars, in plain SVG."""

from html import escape

WIDTH, BAR, GAP, LEFT, TOP, RIGHT = 900, 34, 22, 150, 60, 90
COLOURS = {"decode": "#4e79a7", "flow": "#59a14f", "parse": "#edc948", "calls": "#f28e2b", "registry": "#9c755f",
           "rules": "#b07aa1", "whole": "#e15759"}
LABELS = {"decode": "decode", "flow": "flows", "parse": "HTTP/1", "calls": "calls", "registry": "registry",
          "rules": "rules", "whole": "sensitive data"}


def added(run):
    """(stage, share of the whole that it adds) in order."""
    before = 0.0
    for name in COLOURS:
        if name in run["stages"]:
            value = run["stages"][name]["call_ns"]
            yield name, max(0.0, value - before)
            before = max(before, value)


def text(x, y, content, size=13, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'font-family="sans-serif">{escape(content)}</text>')


def legend():
    x = LEFT
    for name, colour in COLOURS.items():
        yield f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/>'
        yield text(x + 17, 45, LABELS[name], 12)
        x += 24 + 8 * len(LABELS[name])


def bar(profile, run, y):
    parts = list(added(run))
    whole = sum(value for _, value in parts) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / whole
    yield text(LEFT - 10, y + BAR / 2 + 5, profile, 13, "end")
    x = float(LEFT)
    for name, value in parts:
        width = value * scale
        yield (f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{COLOURS[name]}">'
               f'<title>{escape(LABELS[name])}: {value:,.0f} ns</title></rect>')
        if width > 42:
            yield text(x + width / 2, y + BAR / 2 + 4, f"{value:,.0f}", 11, "middle")
        x += width
    yield text(x + 8, y + BAR / 2 + 5, f"{run['call_ns']:,.0f} ns", 13, weight="bold")


def stages(profiles):
    height = TOP + len(profiles) * (BAR + GAP) + 10
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             f'viewBox="0 0 {WIDTH} {height}">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             text(LEFT, 22, "Where the time of one call goes: nanoseconds added by each stage, each bar by its own scale",
                  14, weight="bold"),
             *legend()]
    for index, (profile, run) in enumerate(profiles.items()):
        lines += bar(profile, run, TOP + index * (BAR + GAP))
    return "\n".join([*lines, "</svg>"]) + "\n"
