"""Layers against PyTorch, forward and forward with backward, in one process with the same number of threads:

    python bench/layers.py THREADS [FAMILY ...]

Shapes are those of ResNet-50 (batch 8), BERT-base (8 texts of 512) and an LSTM language model (35 steps of 20 rows, 650
wide). Rounds alternate between the two; the best of each counts. A ratio above 1 means that Eadem is faster. Both sides run
their tape (autograd), and the backward begins with the gradient of the sum of the result."""
import ctypes
import math
import sys

import torch
import torch.nn.functional as F
from turns import Threads, compare, eadem_step, line, torch_step  # first: it finds the tests' modules

from peer import double, int64, library_constant, pointers, var
from test_contract import Sparse, described, seeded
from test_grid import Options as GridOptions
from test_optim import RULES, UpdateOptions, peer_of
from test_recurrent import KINDS, Layer, Options as RecurrentOptions, names_of, network
from test_values import BatchNormOptions, ConvOptions, PoolOptions, numbers

# --- The cases: name, build(context)(*values), torch's function, leaves ---------------------------------------------------


def conv(dims, x, weight, stride=1, padding=0, groups=1, transposed=False):
    name = ("conv_transpose" if transposed else "conv") + f"{dims}d"
    function = getattr(F, name)
    options = ConvOptions(numbers([stride] * 3), numbers([padding] * 3), numbers([1] * 3), groups)

    def build(context):
        absent = library_constant("ea_no_bias")
        if transposed:
            return lambda a, w: var("conv_transpose", a, dims, w, absent, ctypes.byref(options), None)
        return lambda a, w: var("conv", a, dims, w, absent, ctypes.byref(options))

    if transposed:
        call = lambda a, w: function(a, w, None, stride, padding)  # noqa: E731
    else:
        call = lambda a, w: function(a, w, None, stride, padding, 1, groups)  # noqa: E731
    return f"{name} {x} {weight} /{stride}", build, call, [torch.randn(x), torch.randn(weight)]


def convolutions():
    yield conv(2, [8, 3, 224, 224], [64, 3, 7, 7], 2, 3)
    yield conv(2, [8, 64, 56, 56], [64, 64, 3, 3], 1, 1)
    yield conv(2, [8, 64, 56, 56], [256, 64, 1, 1])
    yield conv(2, [8, 128, 56, 56], [128, 128, 3, 3], 2, 1)
    yield conv(2, [8, 256, 14, 14], [256, 256, 3, 3], 1, 1)
    yield conv(2, [8, 512, 7, 7], [512, 512, 3, 3], 1, 1)
    yield conv(2, [8, 128, 28, 28], [128, 1, 3, 3], 1, 1, 128)
    yield conv(1, [8, 256, 512], [256, 256, 3], 1, 1)
    yield conv(3, [2, 16, 8, 28, 28], [32, 16, 3, 3, 3], 1, 1)
    yield conv(2, [4, 64, 28, 28], [64, 64, 4, 4], 2, 1, transposed=True)


def norms():
    row, image = torch.randn(4096, 768), torch.randn(8, 256, 28, 28)
    weight, bias, channel = torch.randn(768), torch.randn(768), torch.randn(256)
    yield ("layer_norm [4096, 768]", lambda c: lambda x, w, b: var("layer_norm", x, 1, w, b, double(1e-5)),
           lambda x, w, b: F.layer_norm(x, [768], w, b), [row, weight, bias])
    yield ("rms_norm [4096, 768]", lambda c: lambda x, w: var("rms_norm", x, 1, w, double(1e-6)),
           lambda x, w: F.rms_norm(x, [768], w, 1e-6), [row, weight])
    for groups, name in ((32, "group_norm"), (256, "instance_norm")):
        yield (f"{name} [8, 256, 28, 28]",
               lambda c, groups=groups: lambda x, w, b: var("group_norm", x, int64(groups), w, b, double(1e-5)),
               lambda x, w, b, groups=groups: F.group_norm(x, groups, w, b), [image, channel, channel])
    mean, variance = torch.zeros(256), torch.ones(256)
    options = BatchNormOptions(1, 0.1, 1e-5)
    yield ("batch_norm [8, 256, 28, 28]",
           lambda c: lambda x, w, b: var("batch_norm", x, w, b, mean, variance, ctypes.byref(options)),
           lambda x, w, b: F.batch_norm(x, mean, variance, w, b, True), [image, channel, channel])


def dropouts():
    x = torch.randn(4096, 768)

    def build(context):
        generator = seeded(context, 1)
        return lambda v: var("dropout", v, double(0.1), ctypes.byref(generator))

    yield "dropout [4096, 768]", build, lambda v: F.dropout(v, 0.1), [x]
    yield "softmin [4096, 768]", lambda c: lambda v: var("softmin", v, 1), lambda v: F.softmin(v, 1), [x]


def recurrent(kind, layers, steps, n, size, bidirectional=False):
    net = network(kind, size, size, layers, bidirectional, True, False, 0).float()
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    directions = 1 + bidirectional

    def build(context):
        absent = library_constant("ea_no_bias")
        options = RecurrentOptions(KINDS.index(kind), layers, bidirectional, 0, 0.0, None, None, 0)

        def call(x, *given):
            values = dict(zip(parameters, given))
            weights = (Layer * (layers * directions))(*(
                Layer(*(values.get(name, absent) for name in names_of(net, layer, d)))
                for layer in range(layers) for d in range(directions)))
            hn, cn = ctypes.c_void_p(), ctypes.c_void_p()
            return var("recurrent", x, ctypes.byref(options), weights, absent, absent, ctypes.byref(hn), ctypes.byref(cn))
        return call

    def expected(x, *given):
        return torch.func.functional_call(net, dict(zip(parameters, given)), (x,))[0]

    name = f"{kind} [{steps}, {n}, {size}], {layers} layers" + (", both ways" if bidirectional else "")
    return name, build, expected, [torch.randn(steps, n, size)] + list(parameters.values())


def recurrences():
    yield recurrent("LSTM", 2, 35, 20, 650)
    yield recurrent("GRU", 2, 35, 20, 650)
    yield recurrent("RNN_TANH", 2, 35, 20, 650)
    yield recurrent("LSTM", 1, 50, 32, 256, True)


def einsum(equation, *shapes):
    def build(context):
        return lambda *v: var("einsum", equation.encode(), (ctypes.c_void_p * len(v))(*v), len(v))
    return f"einsum {equation} {list(shapes)}", build, lambda *t: torch.einsum(equation, *t), [torch.randn(s) for s in shapes]


def contractions():
    yield einsum("bhqd,bhkd->bhqk", [8, 12, 128, 64], [8, 12, 128, 64])
    yield einsum("bik,kl->bil", [8, 512, 768], [768, 768])
    yield ("addmm [3072] + [1024, 768] [768, 3072]", lambda c: lambda i, a, b: var("addmm", i, a, b, double(1), double(1)),
           torch.addmm, [torch.randn(3072), torch.randn(1024, 768), torch.randn(768, 3072)])
    yield ("bilinear [256, 128] twice", lambda c: lambda a, b, w: var("bilinear", a, b, w, library_constant("ea_no_bias")),
           F.bilinear, [torch.randn(256, 128), torch.randn(256, 128), torch.randn(128, 128, 128)])
    csr = (torch.randn(4096, 4096) * (torch.rand(4096, 4096) < 0.01)).to_sparse_csr()
    start, column = csr.crow_indices(), csr.col_indices()
    matrix = Sparse(0, 4096, 4096, described(start), described(column), None)
    yield ("CSR [4096, 4096] 1 % x [4096, 256]", lambda c: lambda v, d: var("sparse_mm", ctypes.byref(matrix), v, d),
           lambda v, d: torch.sparse.mm(torch.sparse_csr_tensor(start, column, v, (4096, 4096)), d),
           [csr.values(), torch.randn(4096, 256)])


def pool_options(kernel, stride, padding=0):
    return PoolOptions(numbers([kernel] * 3), numbers([stride] * 3), numbers([padding] * 3), numbers([1] * 3))


def samplings():
    stem, middle = torch.randn(8, 64, 112, 112), torch.randn(8, 64, 56, 56)
    max_options, mean_options = pool_options(3, 2, 1), pool_options(2, 2)
    yield ("max_pool2d [8, 64, 112, 112]", lambda c: lambda x: var("max_pool", x, 2, ctypes.byref(max_options)),
           lambda x: F.max_pool2d(x, 3, 2, 1), [stem])
    yield ("avg_pool2d [8, 64, 112, 112]", lambda c: lambda x: var("avg_pool", x, 2, ctypes.byref(mean_options)),
           lambda x: F.avg_pool2d(x, 2), [stem])
    yield ("adaptive_avg_pool2d [8, 2048, 7, 7]", lambda c: lambda x: var("adaptive_avg_pool", x, 2, numbers([1, 1], 2)),
           lambda x: F.adaptive_avg_pool2d(x, 1), [torch.randn(8, 2048, 7, 7)])
    for mode in ("bilinear", "bicubic"):
        options = GridOptions(["bilinear", "nearest", "bicubic"].index(mode), 0, 0)
        yield (f"grid_sample {mode} [8, 64, 56, 56]",
               lambda c, options=options: lambda x, g: var("grid_sample", x, g, ctypes.byref(options)),
               lambda x, g, mode=mode: F.grid_sample(x, g, mode, align_corners=False), [middle, torch.rand(8, 56, 56, 2) * 2 - 1])


FAMILIES = {"convolution": convolutions, "normalisation": norms, "dropout": dropouts, "recurrent": recurrences,
            "contraction": contractions, "sampling": samplings}


def optimisers(context):
    """Steps of 5 million parameters."""
    for rule in RULES:
        param, grad = torch.randn(5_000_000), torch.randn(5_000_000)
        exact = torch.nn.Parameter(param.clone())
        exact.grad = grad.clone()
        settings, product = UpdateOptions(rule=RULES.index(rule), lr=1e-4), double(1)
        states, peer = [torch.zeros_like(param) for _ in range(2)], peer_of(rule, {"lr": 1e-4})([exact])
        array = pointers(states)
        yield rule, compare(lambda: context.call("ea_update", settings, int64(9), grad, param, array, ctypes.byref(product)),
                            peer.step)


def main():
    threads, wanted = int(sys.argv[1]), sys.argv[2:] or [*FAMILIES, "optimiser"]
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    context = Threads(threads)
    print(f"{threads} threads, PyTorch {torch.__version__}\n{'':58s} {'':9s}       Eadem      PyTorch  ratio")
    for family in wanted:
        ratios = []
        if family == "optimiser":
            ratios = [line(name, "step", best) for name, best in optimisers(context)]
        for name, build, function, leaves in FAMILIES.get(family, list)():
            for backward in (False, True):
                best = compare(eadem_step(context, build(context), leaves, backward), torch_step(function, leaves, backward))
                ratios.append(line(name, "both" if backward else "forward", best))
        print(f"{family}: geometric mean {math.prod(ratios)**(1 / len(ratios)):.2f}, least {min(ratios):.2f}\n", flush=True)


if __name__ == "__main__":
    main()
