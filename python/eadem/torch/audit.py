"""audit(): every operation that a model runs, and whether its bits repeat."""

import json
from collections import Counter
from typing import Any, Dict, List

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from eadem.torch import rules

REPRODUCIBLE = "reproducible already"
REPLACED = "replaced by Eadem"
ONE_MACHINE = "deterministic in PyTorch only on one machine"
CUDA = "nondeterministic on CUDA"
UNSUPPORTED = "unsupported"

# Operations of torch.use_deterministic_algorithms' page: those with a deterministic alternative on CUDA that must be
# asked for, and those that raise under it.
_CUDA_NONDETERMINISTIC = frozenset("""
index_add index_add_ index_copy index_put index_put_ put_ scatter scatter_add scatter_add_ scatter_reduce cumsum histc bincount kthvalue
median embedding_bag _embedding_bag _embedding_bag_dense_backward _ctc_loss_backward _cudnn_ctc_loss nll_loss2d_forward nll_loss2d_backward
convolution convolution_backward avg_pool3d_backward _adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward
max_pool3d_with_indices_backward adaptive_max_pool2d_backward fractional_max_pool2d_backward fractional_max_pool3d_backward
max_unpool2d max_unpool3d upsample_linear1d_backward upsample_bilinear2d_backward upsample_bicubic2d_backward
upsample_trilinear3d_backward reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward
replication_pad1d_backward replication_pad2d_backward replication_pad3d_backward grid_sampler_2d_backward grid_sampler_3d_backward
embedding_dense_backward mm addmm bmm baddbmm
""".split())


class _Recorder(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.seen: Counter[Any] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen[func, rules.is_integer_only(args)] += 1
        return func(*args, **(kwargs or {}))


def _class_of(func, integer):
    rule = rules.rule_of(func)
    if rule.kind is rules.EXACT or integer:
        return REPRODUCIBLE
    return REPLACED if rule.kind is rules.REPLACED else UNSUPPORTED


def _in_plain_torch(func, integer):
    """What PyTorch alone gives, for the report's second column."""
    if rules.rule_of(func).kind is rules.EXACT or integer:
        return REPRODUCIBLE
    return ONE_MACHINE


class Report:
    """rows: dictionaries with pass ("forward", "backward"), operation, calls, status (with Eadem), in_pytorch (without),
    cuda (True where PyTorch lists the operation as nondeterministic there). str() is the table."""

    def __init__(self, rows: List[Dict[str, Any]]) -> None:
        self.rows = rows

    @property
    def unsupported(self) -> List[str]:
        """Names of operations that reproducible() would refuse."""
        return sorted({row["operation"] for row in self.rows if row["status"] == UNSUPPORTED})

    def to_json(self) -> str:
        """The rows as JSON text."""
        return json.dumps(self.rows, indent=1)

    def __str__(self) -> str:
        lines = [f"{'pass':<9}{'calls':>6}  {'operation':<44}{'with Eadem':<22}in PyTorch alone"]
        for row in self.rows:
            alone = row["in_pytorch"] + (f"; {CUDA}" if row["cuda"] else "")
            lines.append(f"{row['pass']:<9}{row['calls']:>6}  {row['operation']:<44}{row['status']:<22}{alone}")
        if self.unsupported:
            lines.append("reproducible() would refuse: " + ", ".join(self.unsupported))
        else:
            lines.append("reproducible() covers all of it")
        return "\n".join(lines)


def _rows(stage, seen):
    for (func, integer), calls in sorted(seen.items(), key=lambda item: str(item[0][0])):
        name = func._schema.name.split("::")[1]
        yield {"pass": stage, "operation": str(func), "calls": calls, "status": _class_of(func, integer),
               "in_pytorch": _in_plain_torch(func, integer),
               "cuda": name in _CUDA_NONDETERMINISTIC and not integer}


def _leaves(output):
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict) or hasattr(output, "values"):
        for value in output.values():
            yield from _leaves(value)
    elif isinstance(output, (list, tuple)):
        for value in output:
            yield from _leaves(value)


def audit(model: torch.nn.Module, example_inputs: Any) -> Report:
    """Runs `model` forward and backward once in PyTorch and reports every ATen operation it ran.

    example_inputs: a tensor, a tuple of arguments or a dictionary of keyword arguments. The backward starts from the
    sum of all floating outputs that require a gradient; gradients of the model are left as they were.
    """
    args, kwargs = example_inputs, {}
    if isinstance(example_inputs, dict):
        args, kwargs = (), example_inputs
    elif isinstance(example_inputs, torch.Tensor):
        args = (example_inputs,)
    forward, backward = _Recorder(), _Recorder()
    with forward:
        output = model(*args, **kwargs)
    starts = [t for t in _leaves(output) if t.requires_grad]
    wanted = [p for p in model.parameters() if p.requires_grad]
    if starts and wanted:
        seeds = [torch.ones_like(t) for t in starts]
        with backward:
            torch.autograd.grad(starts, wanted, seeds, allow_unused=True)
    return Report([*_rows("forward", forward.seen), *_rows("backward", backward.seen)])
