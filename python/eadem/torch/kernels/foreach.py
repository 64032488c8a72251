"""Operations on lists of tensors."""

import torch

aten = torch.ops.aten


def foreach(name, args, kwargs, rule_of):
    """_foreach_X on lists: X on each of them, by X's own rule."""
    base = name[len("_foreach_"):]
    packet = getattr(aten, base)
    results = []
    for i in range(len(args[0])):
        one = [a[i] if isinstance(a, (list, tuple)) else a for a in args]
        keywords = {k: v[i] if isinstance(v, (list, tuple)) else v for k, v in kwargs.items()}
        results.append(_by_rule(packet, one, keywords, rule_of))
    return None if base.endswith("_") else results


_SCALARS_BY_KEYWORD = {"addcmul": "value", "addcdiv": "value"}


def _by_rule(packet, args, kwargs, rule_of):
    keyword = _SCALARS_BY_KEYWORD.get(packet.__name__.rstrip("_"))
    if keyword and len(args) > 3:  # _foreach_addcmul takes its value in fourth place
        kwargs = {**kwargs, keyword: args[3]}
        args = args[:3]
    scalar = len(args) > 1 and not isinstance(args[1], torch.Tensor)
    overload = packet.Tensor if "Tensor" in packet.overloads() and not scalar else None
    overload = overload or (packet.Scalar if "Scalar" in packet.overloads() else packet.default)
    rule = rule_of(overload)
    if rule.run is not None:
        return rule.run(overload, tuple(args), kwargs)
    return packet(*args, **kwargs)
