#!/usr/bin/env python3
"""Writes docs/ops.md, the table of all operations, from the public headers.

    tools/ops_table.py             rewrite the table; measured errors that it has stay
    tools/ops_table.py --measure   measure the errors anew (needs the build and PyTorch)
    tools/ops_table.py --check     fail when the table is not what the headers say

Every door of include/eadem/op/ makes a row, and so does every enumerator of a door that takes its operation by number. What a
header does not say (types, what PyTorch does on CUDA) stands in the tables below; a door that they do not name has the usual
value, so a new door needs nothing but a run of this program.
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs/ops.md"

# Doors that take an operation by number: header, prefix of the enumerators, and those that are none.
BY_NUMBER = {"ea_point": ("point", "EA_FN_"), "ea_reduce": ("aggregate", "EA_AGG_")}
# Helpers of other doors' gradients, and doors that are rows by number.
NOT_A_ROW = {"ea_sum_to_shape", "ea_function_scaled", "ea_point", "ea_reduce"}

FLOATS = "f32 f16 bf16"
TYPES = {"index": "any; sums: floats, integers", "arrange": "any", "mask": "any", "sort": "any but f64", "optim": "f32",
         "ea_bincount": "integers", "ea_one_hot": "integers", "ea_searchsorted": FLOATS + ", integers",
         "ea_cumsum": FLOATS + ", integers", "ea_cumprod": FLOATS + ", integers", "ea_embedding": FLOATS,
         "ea_embedding_bag": FLOATS}

# Functions of the tape that are no operations of their own.
NO_OPERATION = set("""item value grad input leaf name point reduce loss module parameter relu flatten reshape max_pool2d
                   cross_entropy_of soft_cross_entropy masked_fill""".split())

# torch.use_deterministic_algorithms of PyTorch 2.13: what it names for CUDA. "alternative": nondeterministic unless asked,
# "raises": no deterministic algorithm. Where it names one direction only, that is in brackets.
CUDA = {
    **dict.fromkeys(["ea_conv", "ea_conv2d", "ea_conv_transpose"], "alternative"),
    **dict.fromkeys(["ea_gather", "ea_take_along_dim", "ea_index_select", "ea_repeat_interleave"], "alternative (backward)"),
    **dict.fromkeys(["ea_index_add", "ea_index_copy"], "alternative"),
    "ea_index": "deterministic", "ea_index_put": "alternative",
    "ea_scatter": "alternative; raises (reduce=prod)",
    "ea_pad": "raises (backward of reflect), alternative (backward of replicate)",
    "ea_max_pool": "alternative (backward, 3d)", "ea_avg_pool": "raises (backward, 3d)",
    "ea_adaptive_avg_pool": "raises (backward, 2d and 3d)", "ea_adaptive_max_pool": "raises (backward, 2d)",
    "ea_fractional_max_pool": "raises (backward)", "ea_max_unpool": "raises",
    "ea_interpolate": "raises (backward of linear, bilinear, bicubic, trilinear)",
    "ea_nll_loss": "raises", "ea_cross_entropy": "raises", "ea_ctc_loss": "raises (backward)",
    "ea_embedding_bag": "raises (backward of max)", "ea_histc": "raises", "ea_bincount": "raises (with weights)",
    "ea_median": "raises", "ea_grid_sample": "raises (backward)", "ea_cumsum": "raises",
    "ea_sparse_bmm": "alternative",
}

# PyTorch's name where it is not the door's or the enumerator's.
TORCH = {"ea_one_hot": "nn.functional.one_hot", "ea_max": "max, argmax", "ea_min": "min, argmin", "ea_index": "Tensor.__getitem__",
         "ea_sort": "sort, argsort", "ea_unique_dim": "unique(dim)", "ea_index_copy": "index_copy, index_fill",
         "ea_median": "median, nanmedian", "ea_where": "where, masked_fill", "norm": "linalg.vector_norm",
         "ea_searchsorted": "searchsorted, bucketize", "div_floor": 'div(rounding_mode="floor")',
         "div_trunc": 'div(rounding_mode="trunc")', "gelu_tanh": 'gelu(approximate="tanh")', "bce": "binary_cross_entropy",
         "bce_with_logits": "binary_cross_entropy_with_logits", "cbrt": "(none)", "ea_scatter": "scatter, scatter_add, scatter_reduce",
         "ea_function": "(any function of the contract's table, by name)", "ea_sgd": "optim.SGD", "ea_adam": "optim.Adam, AdamW",
         "ea_attention": "nn.functional.scaled_dot_product_attention", "ea_conv": "conv1d, conv2d, conv3d",
         "ea_conv_transpose": "conv_transpose1d, conv_transpose2d, conv_transpose3d", "ea_max_pool": "max_pool1d, 2d, 3d",
         "ea_avg_pool": "avg_pool1d, 2d, 3d", "ea_adaptive_max_pool": "adaptive_max_pool1d, 2d, 3d",
         "ea_adaptive_avg_pool": "adaptive_avg_pool1d, 2d, 3d", "ea_fractional_max_pool": "fractional_max_pool2d, 3d",
         "ea_max_unpool": "max_unpool1d, 2d, 3d", "ea_recurrence_forward": "nn.RNN, LSTM, GRU: one layer and direction",
         "addmm": "addmm, baddbmm", "recurrent": "nn.RNN, LSTM, GRU", "lp_pool": "lp_pool1d, 2d, 3d", "rotary": "(none)",
         "feature_dropout": "dropout1d, 2d, 3d", "narrow": "narrow, split, slices",
         "ea_update": "optim.NAdam, RAdam, Adamax, RMSprop, Adagrad, Adadelta; Lion"}


# Contract sections of functions of the tape that are made of other operations; losses and distances are under Losses, the others
# under Compositions.
SECTION = {"narrow": "Masks and arrangement", "permute": "Masks and arrangement", "recurrent": "Recurrent networks"}

# Gradients that a door's name does not lead to.
BACKWARD = {"ea_bmm": "ea_var_matmul", "ea_split": "ea_var_narrow", "ea_recurrence_forward": "ea_recurrence_backward",
            "ea_function": "ea_function_scaled"}

# Truth values, and doors that choose, move or count elements.
TRUTH = r"is\w+|signbit|logical_\w+|eq|ne|lt|le|gt|ge|any|all"
CHOICE = set("""max min gather index_select index_copy take_along_dim index embedding one_hot clamp max_pool max_pool2d adaptive_max_pool
             fractional_max_pool max_unpool pad unfold pixel_shuffle pixel_unshuffle cummax cummin histc""".split())


def doors(text):
    return re.findall(r"EA_API ea_status (ea_\w+)\(", text)


def enumerators(text, prefix):
    names = re.findall(rf"^    {prefix}(\w+)", text, re.M)
    return [name for name in names if name != "COUNT"]


def backward_of(name, every_door, tape):
    if name in BACKWARD:
        return BACKWARD[name]
    found = sorted(d for d in every_door if d.startswith(name + "_backward"))
    if found:
        return ", ".join(found)
    short = name.removeprefix("ea_")
    return f"ea_var_{short}" if f"ea_var_{short}" in tape else "none"


def rows():
    headers = sorted((ROOT / "include/eadem/op").glob("*.h"))
    every_door = {door for path in headers for door in doors(path.read_text())}
    tape = set(re.findall(r"\b(ea_var_\w+)\(", (ROOT / "include/eadem/nn.h").read_text()))
    result = []
    for path in headers:
        text = path.read_text()
        section = re.search(r"\(contract: ([^)]*)\)", text)
        section = " ".join(section.group(1).replace("*", " ").split()) if section else path.stem
        for door in doors(text):
            if "_backward" in door or door in NOT_A_ROW:
                continue
            result.append((door.removeprefix("ea_"), TORCH.get(door, door.removeprefix("ea_")), f"`{door}`",
                           backward_of(door, every_door, tape), TYPES.get(door, TYPES.get(path.stem, FLOATS)), section,
                           CUDA.get(door, "deterministic")))
        for door, (header, prefix) in BY_NUMBER.items():
            if header != path.stem:
                continue
            for number in enumerators(text, prefix):
                name = number.lower()
                truth = re.fullmatch(TRUTH, name)
                result.append((name, TORCH.get(name, name), f"`{door}({prefix}{number})`", "none" if truth else f"{door}_backward",
                               FLOATS + (", bool, u8" if truth or door == "ea_point" else ""), section, "deterministic"))
    known = {door.removeprefix("ea_") for door in every_door} | {row[0] for row in result}
    for name in sorted(tape):
        short = name.removeprefix("ea_var_")
        if short not in known and short not in NO_OPERATION:
            result.append((short, TORCH.get(short, short), f"`{name}`", "the tape", "f32",
                           "Losses" if "loss" in short or "distance" in short else SECTION.get(short, "Compositions"),
                           "deterministic"))
    return result


HEAD = """# Operations

All operations, made from the public headers by `tools/ops_table.py`, whose `--check` is a test. Backward names the door of the gradient, or
the tape's function that composes it of other doors (`include/eadem/nn.h`). "On CUDA" is what `torch.use_deterministic_algorithms` of PyTorch
2.13 says of PyTorch's operation: deterministic, has an alternative (which it takes when asked), or raises because it has none. Eadem has one
result for each.

Error: the largest distance from the exact result, in units in the last place of a float there, on random inputs, of Eadem and of PyTorch's
CPU operation on the same inputs (`tools/ops_table.py --measure`; the exact result is PyTorch's in binary64). A correctly rounded operation has 0.50.
For sums of products of both signs, norms, resampling, losses of rows, optimisers (five steps; `update`: Adamax) and recurrence (LSTM; `recurrent`: with both biases and the product with the inputs) the unit is at least that of the
results' root mean square, as what lies nearer to 0 is what is left of larger terms; `conv` is measured in three dimensions, `function` by expm1, pooling and
resampling in two, `interpolate` as bilinear; dropouts beside PyTorch's formula with the same mask. Operations that only choose or move elements, compare, or count, have no error (exact).

| operation | PyTorch | forward | backward | types | contract | on CUDA | error | PyTorch's |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def known_errors():
    """The error columns that the table has, by forward door."""
    known = {}
    for line in TABLE.read_text().splitlines() if TABLE.exists() else []:
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if len(cells) == 9 and cells[2].startswith("`"):
            known[cells[2]] = cells[7:]
    return known


def exact_by_nature(row):
    section = row[5].split(",")[0].strip()
    return row[0] in CHOICE or re.fullmatch(TRUTH, row[0]) or section in ("Masks and arrangement", "Masks", "Arrangement", "Order")


def render(errors):
    lines = []
    for row in rows():
        mine, theirs = errors.get(row[2], ["", ""])
        if not mine and exact_by_nature(row):
            mine = theirs = "exact"
        lines.append("| " + " | ".join([*row, mine, theirs]) + " |")
    return HEAD + "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    errors = known_errors()
    if options.measure:
        sys.path[:0] = [str(ROOT / "tools")]
        import ops_error
        errors.update(ops_error.measure())
    text = render(errors)
    if not options.check:
        TABLE.write_text(text)
        return 0
    if not TABLE.exists() or TABLE.read_text() != text:
        print("docs/ops.md is not what the headers say: run tools/ops_table.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
