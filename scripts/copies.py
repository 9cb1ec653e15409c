#!/usr/bin/env python3
"""Makes a sweep of many points of a small one, to measure `systole report` with: python3 scripts/copies.py FROM TO 1000

Each point is one of FROM under another id, load and seed; what is measured in it is that of the original.
"""
import json
import shutil
import sys
from pathlib import Path

REPLICATES = 5


def main(source, target, wanted):
    source, target = Path(source), Path(target)
    sheet = json.loads((source / "sweep.json").read_text())
    variants = len(sheet["points"]) // sheet["replicates"] // max(1, len(sheet["load_tps"]))
    loads = -(-int(wanted) // (variants * REPLICATES))
    of_variant = len(sheet["points"]) // variants
    sheet["load_tps"] = [100.0 * (nth + 1) for nth in range(loads)]
    originals, sheet["points"] = sheet["points"], []
    for variant in range(variants):
        for load in range(loads):
            for replicate in range(REPLICATES):
                original = originals[variant * of_variant + (load * REPLICATES + replicate) % of_variant]
                nth = len(sheet["points"])
                copy = {"id": f"{nth:016x}", "overrides": original["overrides"], "seed": 7 + replicate}
                shutil.copytree(source / "points" / original["id"], target / "points" / copy["id"])
                manifest = target / "points" / copy["id"] / "manifest.json"
                content = json.loads(manifest.read_text())
                content["inputs"] = copy["id"] + content["inputs"][16:]
                content["seed"] = copy["seed"]
                manifest.write_text(json.dumps(content, indent=2) + "\n")
                sheet["points"].append(copy)
    sheet["replicates"] = REPLICATES
    (target / "sweep.json").write_text(json.dumps(sheet, indent=2) + "\n")
    print(f"{len(sheet['points'])} points in {target}")


main(*sys.argv[1:])
