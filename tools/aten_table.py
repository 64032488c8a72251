"""Writes docs/pytorch-operations.md: what reproducible() does with each ATen operation of the pinned PyTorch."""

import collections
import pathlib
import textwrap

import torch

from eadem.torch import rules

VERSION = "2.13.0"
_KEYS = ("CPU", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional")
_VERDICTS = {rules.EXACT: "exact", rules.REPLACED: "Eadem", rules.UNKNOWN: "refused"}


def _reachable():
    """Overloads that the mode can see: those with a kernel below autograd for the CPU."""
    for key in _KEYS:
        for full in torch._C._dispatch_get_registrations_for_dispatch_key(key):
            if full.startswith("aten::"):
                name, _, overload = full[6:].partition(".")
                if "out" not in overload:  # what takes its result's place has the rule of the rest
                    yield name, overload or "default"


def table():
    """{operation: (verdict, why)}; the overloads of one operation share a rule."""
    found = {}
    for name, overload in _reachable():
        try:
            function = getattr(getattr(torch.ops.aten, name), overload)
        except (AttributeError, RuntimeError):
            continue  # no overload of a Python name
        rule = rules.rule_of(function)
        why = rules.EXACT_NAMES.get(name, "a view: no rounding") if rule.kind == rules.EXACT else rule.reason
        found[name] = _VERDICTS[rule.kind], "runs on Eadem" if rule.kind == rules.REPLACED else why
    return dict(sorted(found.items()))


def document(entries):
    """The table as Markdown."""
    groups = collections.defaultdict(list)
    for name, (verdict, why) in entries.items():
        groups[verdict, why].append(name)
    parts = ["# PyTorch's operations under reproducible()", "",
             *textwrap.wrap(f"Written by `tools/aten_table.py` for PyTorch {VERSION}: every ATen operation that has a kernel for the "
                            "CPU below autograd. The rest of PyTorch's operations are compositions of these. An operation that "
                            "reads integers and booleans only, and gives such, is exact whatever stands here; `_foreach_X` "
                            "is X on each tensor.", 120)]
    for (verdict, why), names in sorted(groups.items(), key=lambda item: (item[0][0] != "exact", item[0][0], item[0][1])):
        parts += ["", f"## {verdict}: {why} ({len(names)})", "",
                  *textwrap.wrap(" ".join(names), 120, break_long_words=False, break_on_hyphens=False)]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    if torch.__version__.split("+")[0] != VERSION:
        raise SystemExit(f"this is PyTorch {torch.__version__}: the document is of {VERSION}")
    path = pathlib.Path(__file__).parent.parent / "docs" / "pytorch-operations.md"
    path.write_text(document(table()))
    print(path)
