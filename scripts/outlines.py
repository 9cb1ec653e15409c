#!/usr/bin/env python3
"""Writes sim/report/map/regions.txt: the outlines of the WHO's regions, simplified for a map of the world.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz && pip install pycountry==26.2.16
    python3 scripts/outlines.py package/countries-110m.json workloads/data/health/nodes_5000_balanced.csv

A country's region is that of its hospitals in the table of nodes, else of REST. Borders inside a region are left out.
"""
import csv
import json
import sys
from collections import defaultdict

import pycountry

# Countries and territories on the map without a hospital in the table, by name in Natural Earth.
REST = {
    "AMR": ["Bahamas", "Belize", "Guyana", "Suriname"],
    "EMR": ["Djibouti", "Somaliland"],
    "EUR": ["Greenland", "Iceland", "Luxembourg", "Montenegro", "N. Cyprus", "Kosovo"],
    "SEAR": ["Bhutan"],
    "WPR": ["Brunei", "Fiji", "New Caledonia", "Solomon Is.", "Vanuatu"],
}
LEFT_OUT = ["Antarctica", "Fr. S. Antarctic Lands"]
# Degrees that a simplified line may be off; square degrees below which a ring is left out.
TOLERANCE, LEAST_AREA = 0.45, 1.2


def decoded(topology):
    (scale_x, scale_y), (from_x, from_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * scale_x + from_x, y * scale_y + from_y))
        yield line


def simplified(line):
    """Douglas and Peucker; both ends stay, and of a ring the point farthest from them."""
    if len(line) < 3:
        return line
    (ax, ay), (bx, by) = line[0], line[-1]
    length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5

    def off(point):
        if length == 0:
            return ((point[0] - ax) ** 2 + (point[1] - ay) ** 2) ** 0.5
        return abs((bx - ax) * (ay - point[1]) - (ax - point[0]) * (by - ay)) / length

    far = max(range(1, len(line) - 1), key=lambda nth: off(line[nth]))
    if off(line[far]) <= TOLERANCE:
        return [line[0], line[-1]]
    return simplified(line[: far + 1])[:-1] + simplified(line[far:])


def border(arcs):
    """Arcs that lie on one side only: those that two countries share cancel each other."""
    count = defaultdict(int)
    for arc in arcs:
        count[arc if arc >= 0 else ~arc] += 1
    return [arc for arc in arcs if count[arc if arc >= 0 else ~arc] == 1]


def rings(arcs, lines):
    by_start = defaultdict(list)
    oriented = [lines[arc] if arc >= 0 else lines[~arc][::-1] for arc in arcs]
    for line in oriented:
        by_start[line[0]].append(line)
    while any(by_start.values()):
        start = next(point for point, waiting in by_start.items() if waiting)
        ring = list(by_start[start].pop())
        while ring[-1] != start:
            ring += by_start[ring[-1]].pop()[1:]
        yield ring[:-1]


def cut(ring):
    """The parts of a ring on this side of the date line: a step of over half the globe goes the other way round."""
    unwound, turns = [ring[0]], 0
    for (ax, _), (bx, by) in zip(ring, ring[1:]):
        turns += (bx - ax < -1800) - (bx - ax > 1800)
        unwound.append((bx + 3600 * turns, by))
    for shift in (-3600, 0, 3600):
        part = [(x + shift, y) for x, y in unwound]
        for side in (-1, 1):
            part = clipped(part, side)
        if len(part) > 2:
            yield part


def clipped(ring, side):
    """Of a ring what lies within 180 degrees on one side (Sutherland and Hodgman)."""
    inside = lambda point: side * point[0] <= 1800
    part = []
    for a, b in zip(ring[-1:] + ring[:-1], ring):
        if inside(a) != inside(b):
            part.append((side * 1800, round(a[1] + (b[1] - a[1]) * (side * 1800 - a[0]) / (b[0] - a[0]))))
        if inside(b):
            part.append(b)
    return part


def area(ring):
    pairs = zip(ring, ring[1:] + ring[:1])
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) / 2


def main(atlas, nodes):
    topology = json.load(open(atlas))
    region_of = {row["iso2"]: row["who_region"] for row in csv.DictReader(open(nodes))}
    named = {name: region for region, names in REST.items() for name in names}
    arcs_of = defaultdict(list)
    # Rounded before lines are joined, so that neighbours stay neighbours.
    lines = [[(round(x * 10), round(y * 10)) for x, y in simplified(line)] for line in decoded(topology)]
    for country in topology["objects"]["countries"]["geometries"]:
        name = country["properties"]["name"]
        known = pycountry.countries.get(numeric=country.get("id") or "")
        region = named.get(name) or (region_of.get(known.alpha_2) if known else None) or "NONE"
        if name in LEFT_OUT:
            continue
        if region == "NONE":
            print("no region:", name, file=sys.stderr)
        polygons = [country["arcs"]] if country["type"] == "Polygon" else country["arcs"]
        for polygon in polygons:
            first = polygon[0][0]
            west = lines[first if first >= 0 else ~first][0][0] < -300
            # Guyane is a part of France in Natural Earth, and of the Americas to the WHO.
            here = "AMR" if name == "France" and west else region
            arcs_of[here] += [arc for ring in polygon for arc in ring]
    with open("sim/report/map/regions.txt", "w") as out:
        print("# Land by WHO region: made by scripts/outlines.py from Natural Earth 1:110m (public domain,", file=out)
        print("# naturalearthdata.com), as packed in world-atlas 2.0.2 (ISC). A ring a line: region, then", file=out)
        print("# longitude and latitude in tenths of a degree, the first as they are, the others as steps.", file=out)
        for region in sorted(arcs_of):
            for ring in (part for ring in rings(border(arcs_of[region]), lines) for part in cut(ring)):
                if area(ring) < LEAST_AREA * 100:
                    continue
                steps = [ring[0]] + [(bx - ax, by - ay) for (ax, ay), (bx, by) in zip(ring, ring[1:])]
                steps = [step for nth, step in enumerate(steps) if nth == 0 or step != (0, 0)]
                print(region, " ".join(f"{x},{y}" for x, y in steps), file=out)


main(*sys.argv[1:])
