# SPDX-License-Identifier: MIT
"""picture.py - bench.svg: ratios of throughput to the kernel's swap, and what a miss costs"""
import html
import math

WIDTH = 860
LABEL = 230         # where bars may begin
VALUE = 70          # room for the numbers on the right
BAR, GAP = 15, 7
TOP = 64
COLOURS = {2: "#2b6cb0", 4: "#90b4dd", "missed": "#c05621"}
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)


class Svg:
    def __init__(self):
        self.parts = []

    def text(self, x, y, words, anchor="start", size=12, weight="normal", colour="#222"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                          f'font-size="{size}" font-weight="{weight}" fill="{colour}">'
                          f'{html.escape(words)}</text>')

    def box(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
                          f'height="{height:.1f}" fill="{colour}"/>')

    def line(self, x1, y1, x2, y2, colour="#ddd", width=1):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'stroke="{colour}" stroke-width="{width}"/>')

    def path(self, points, colour):
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{way}" fill="none" stroke="{colour}" '
                          'stroke-width="2"/>')
        for x, y in points:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')

    def write(self, path, height):
        with open(path, "w") as file:
            file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
                       f'height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}" '
                       'font-family="sans-serif">\n'
                       '<rect width="100%" height="100%" fill="white"/>\n'
                       + "\n".join(self.parts) + "\n</svg>\n")


class Scale:
    """From a ratio to a place, logarithmic."""

    def __init__(self, values):
        low, high = min(values + [0.5]), max(values + [2])
        self.ticks = [tick for tick in TICKS if low / 2 < tick < high * 2]
        self.low = math.log(min(low * 0.9, self.ticks[0]))
        self.high = math.log(max(high * 1.1, self.ticks[-1]))

    def __call__(self, value):
        part = (math.log(value) - self.low) / (self.high - self.low)
        return LABEL + part * (WIDTH - LABEL - VALUE)


def legend(svg):
    x = LABEL
    for key, words in ((2, "data 2 x budget"), (4, "data 4 x budget"),
                       ("missed", "below its target")):
        svg.box(x, 42, 12, 12, COLOURS[key])
        svg.text(x + 17, 52, words)
        x += 150
    svg.box(x + 4, 42, 2, 12, "#000")
    svg.text(x + 17, 52, "target")


def draw_bar(svg, scale, y, line):
    value = line.ratio()
    missed = line.multiple == 2 and line.row.target and value < line.row.target
    x1, x2 = sorted((scale(1), scale(value)))
    svg.box(x1, y, x2 - x1, BAR, COLOURS["missed" if missed else line.multiple])
    svg.text(WIDTH - 20, y + BAR - 3, f"{value:.2f}", "end", 11)
    if line.multiple == 2 and line.row.target:
        svg.box(scale(line.row.target) - 1, y - 2, 2, BAR + 4, "#000")


def draw_ratios(svg, lines):
    """Gives where it ends."""
    lines = [line for line in lines if line.ratio()]
    labels = list(dict.fromkeys(line.row.label for line in lines))
    targets = [line.row.target for line in lines if line.row.target and line.multiple == 2]
    scale = Scale([line.ratio() for line in lines] + targets)
    bottom = TOP + sum((BAR + 2) for _ in lines) + GAP * len(labels)
    for tick in scale.ticks:
        svg.line(scale(tick), TOP, scale(tick), bottom)
        svg.text(scale(tick), bottom + 14, f"{tick:g}", "middle", 11)
    y = TOP
    for label in labels:
        group = [line for line in lines if line.row.label == label]
        svg.text(LABEL - 10, y + BAR - 3 + (len(group) - 1) * BAR / 2, label, "end")
        for line in group:
            draw_bar(svg, scale, y, line)
            y += BAR + 2
        y += GAP
    svg.line(scale(1), TOP - 4, scale(1), bottom + 2, "#000", 1.5)
    return bottom + 26


def draw_curve(svg, y, title, points, unit):
    """points: (name, {series: value}); gives where it ends."""
    height, left, right = 130, LABEL, WIDTH - VALUE - 60
    svg.text(LABEL, y + 14, f"{title}, {unit}", weight="bold")
    y += 26
    most = max(value for _, values in points for value in values.values()) * 1.15
    step = (right - left) / max(1, len(points) - 1)
    for part in (0, 0.5, 1):
        at = y + height * (1 - part)
        svg.line(left, at, right, at)
        svg.text(left - 6, at + 4, f"{most * part:.0f}", "end", 10)
    for k, (name, _) in enumerate(points):
        svg.text(left + k * step, y + height + 15, name, "middle", 11)
    # The names stand behind their curves, the higher one above.
    names = sorted(points[0][1], key=lambda series: -points[-1][1][series])
    for k, series in enumerate(names):
        colour = COLOURS["missed" if series == "CPU" else 2]
        places = [(left + k * step, y + height * (1 - values[series] / most))
                  for k, (_, values) in enumerate(points) if series in values]
        svg.path(places, colour)
        svg.text(right + 8, places[-1][1] + (10 if k else -2), series, size=11, colour=colour)
    return y + height + 40


def write_picture(path, lines, curves, subtitle):
    """curves: (title, unit, points)"""
    svg = Svg()
    svg.text(20, 22, "spill (library) against the kernel's swap: throughput, larger is better",
             size=15, weight="bold")
    svg.text(LABEL, 38, subtitle, size=11, colour="#555")
    legend(svg)
    y = draw_ratios(svg, lines) if any(line.ratio() for line in lines) else TOP
    for title, unit, points in curves:
        if points:
            y = draw_curve(svg, y + 10, title, points, unit)
    svg.write(path, y + 10)
