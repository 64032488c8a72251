"""Operations on lists of tensors: _foreach_X is X on each of them."""

import torch

from eadem.torch.kernels.base import HANDLERS, IN_PLACE, Refused

_NAMES = {"norm": "linalg_vector_norm", "copy": "clone"}
_FOURTH = {"addcmul": "value", "addcdiv": "value"}  # the fourth argument there, a keyword here


def foreach(name, exact_names):
    """run(func, args, kwargs) of the operation called `name`, or None when X has no reproducible version."""
    base = name[len("_foreach_"):]
    in_place = base.endswith("_")
    base = base.rstrip("_")
    one = HANDLERS.get(_NAMES.get(base, base))
    if one is None and base in exact_names:
        one = getattr(torch.ops.aten, base)
    write = IN_PLACE.get(base + "_")
    if write is None and base + "_" in exact_names:
        write = getattr(torch.ops.aten, base + "_")
    if in_place and write is not None:
        one = write
    if one is None:
        return None

    def run(func, args, kwargs):
        results = []
        for each, keywords in _spread(base, args, kwargs):
            if in_place and write is not None:
                one(*each, **keywords)
            elif in_place:
                each[0].copy_(one(*each, **keywords))
            else:
                results.append(one(*each, **keywords))
        return None if in_place else results

    return run


def _spread(base, args, kwargs):
    """The arguments of each single operation."""
    count = next(len(a) for a in args if isinstance(a, (list, tuple)))
    fourth = _FOURTH.get(base)
    for i in range(count):
        each = [a[i] if isinstance(a, (list, tuple)) else a for a in args]
        if any(isinstance(a, torch.Tensor) and a.is_complex() for a in each):
            raise Refused("complex numbers have no reproducible arithmetic here")
        keywords = {k: v[i] if isinstance(v, (list, tuple)) else v for k, v in kwargs.items()}
        if fourth and len(each) > 3:
            value = each.pop()
            keywords[fourth] = value[i].item() if isinstance(value, torch.Tensor) else value
        yield each, keywords
