#!/usr/bin/env python3
"""Fails when a room includes a header of a room that it may not use (see docs/architecture.md)."""
import pathlib
import re
import sys

ORDER = ["core", "math", "random", "ref", "cpu", "op", "grad", "data", "io", "conform", "train",
         "llm", "ledger", "serve", "cli"]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    wrong = []
    for path in sorted((root / "src").rglob("*.[ch]")):
        room = path.relative_to(root / "src").parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            used = match.group(1).split("/")[0]
            if "/" not in match.group(1):
                wrong.append(f"{path.relative_to(root)}:{number}: name the room: \"{match.group(1)}\"")
            elif used != "eadem" and used not in ORDER:
                wrong.append(f"{path.relative_to(root)}:{number}: unknown room '{used}'")
            elif used in ORDER and ORDER.index(used) > ORDER.index(room):
                wrong.append(f"{path.relative_to(root)}:{number}: room '{room}' may not use '{used}'")
    for path in sorted((root / "include").rglob("*.h")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if match and not match.group(1).startswith("eadem/"):
                wrong.append(f"{path.relative_to(root)}:{number}: a public header uses public headers only")
    print("\n".join(wrong) if wrong else f"rooms: {len(ORDER)} rooms, no forbidden include")
    return 1 if wrong else 0


sys.exit(main())
