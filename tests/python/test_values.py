"""Every operation against PyTorch in binary64: values and gradients within binary32's tolerance, over random shapes."""
import ctypes
import os
import pathlib
import random

import pytest
import torch

BUILD = pathlib.Path(os.environ.get("EADEM_BUILD", pathlib.Path(__file__).parents[2] / "build"))
LIBRARY = ctypes.CDLL(str(BUILD / "libeadem.so"))
LIBRARY.ea_error_text.restype = ctypes.c_char_p

TYPE_CODES = {torch.float32: (2, 32), torch.float16: (2, 16), torch.bfloat16: (4, 16), torch.int64: (0, 64)}
ROUNDING = {torch.float32: 2**-24, torch.float16: 2**-11, torch.bfloat16: 2**-8}
TRIALS = 25
torch.set_num_threads(1)


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


class ContextOptions(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int), ("isa", ctypes.c_char_p), ("contract", ctypes.c_int),
                ("run_workers", ctypes.c_void_p), ("host", ctypes.c_void_p)]


class PoolOptions(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64 * 3) for name in ("kernel", "stride", "padding", "dilation")] + [
        ("ceil_mode", ctypes.c_int), ("exclude_padding", ctypes.c_int), ("divisor_override", ctypes.c_int64)]


class ConvOptions(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64 * 3) for name in ("stride", "padding", "dilation")] + [("groups", ctypes.c_int64)]


class BatchNormOptions(ctypes.Structure):
    _fields_ = [("training", ctypes.c_int), ("momentum", ctypes.c_double), ("eps", ctypes.c_double)]


class SgdOptions(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("lr", "momentum", "dampening", "weight_decay")] + [
        ("nesterov", ctypes.c_int), ("maximize", ctypes.c_int)]


class AdamOptions(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("lr", "beta1", "beta2", "eps", "weight_decay")] + [
        ("amsgrad", ctypes.c_int), ("decoupled", ctypes.c_int), ("maximize", ctypes.c_int)]


def dl(tensor):
    """A DLTensor that looks at a torch tensor's memory."""
    code, bits = TYPE_CODES[tensor.dtype]
    sizes = (ctypes.c_int64 * 8)(*tensor.shape)
    strides = (ctypes.c_int64 * 8)(*tensor.stride())
    return DLTensor(tensor.data_ptr() or None, 1, 0, tensor.ndim, code, bits, 1, sizes, strides, 0)


class Context:
    def __init__(self, contract):
        self.handle = ctypes.c_void_p()
        options = ContextOptions(2, None, contract)
        self.contract = contract
        assert LIBRARY.ea_context_create(ctypes.byref(options), ctypes.byref(self.handle)) == 0

    def call(self, name, *arguments):
        """Calls a door: torch tensors become DLTensors, structures pointers, None NULL."""
        converted = []
        for argument in arguments:
            argument = dl(argument) if isinstance(argument, torch.Tensor) else argument
            converted.append(ctypes.byref(argument) if isinstance(argument, ctypes.Structure) else argument)
        status = getattr(LIBRARY, name)(self.handle, *converted)
        assert status == 0, LIBRARY.ea_error_text(self.handle).decode()


@pytest.fixture(params=[0, 1], ids=["chain", "repdl"])
def context(request):
    torch.manual_seed(1)
    random.seed(1)
    made = Context(request.param)
    yield made
    LIBRARY.ea_context_destroy(made.handle)


def random_shape(low=1, high=4, largest=24):
    return [random.randint(1, largest) for _ in range(random.randint(low, high))]


def make(shape, dtype=torch.float32):
    """Random values in a random memory layout."""
    order = random.sample(range(len(shape)), len(shape))
    tensor = torch.randn([shape[d] for d in order]).to(dtype)
    return tensor.permute([order.index(d) for d in range(len(shape))])


def numbers(values, size=3):
    """An array of an options structure."""
    return (ctypes.c_int64 * size)(*values)


def wide(tensor):
    return tensor.detach().double().requires_grad_()


def near(got, expected, terms=1, scale=None):
    """Within a few roundings of the values' scale, more where more terms were summed."""
    scale = expected.abs().max().item() if scale is None and expected.numel() else scale or 1.0
    tolerance = 8 * ROUNDING[got.dtype] + 4 * 2**-24 * (terms**0.5)
    torch.testing.assert_close(got.double(), expected.detach().double(), rtol=tolerance,
                               atol=tolerance * max(scale, 1e-3), equal_nan=True)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_binary(context, name):
    for _ in range(TRIALS):
        shape = random_shape(0)
        a_shape = [random.choice([1, size]) for size in shape]
        b_shape = [random.choice([1, size]) if n == 1 else size for n, size in zip(a_shape, shape)]
        b_shape = b_shape[random.randint(0, len(b_shape)):] if b_shape and a_shape == shape else b_shape
        a, b = make(a_shape, random.choice(list(ROUNDING))), make(b_shape, random.choice(list(ROUNDING)))
        expected = getattr(torch, name)(a.double(), b.double())
        out = make(list(expected.shape), random.choice(list(ROUNDING)))
        context.call(f"ea_{name}", a, b, out)
        near(out, expected.to(out.dtype).double(), scale=expected[expected.isfinite()].abs().max().item())


FUNCTIONS = {"exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
             "relu": torch.relu}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_unary(context, name):
    for _ in range(TRIALS):
        shape = random_shape()
        x = make(shape).abs() + 0.1 if name in ("log", "sqrt") else make(shape)
        exact = wide(x)
        expected = FUNCTIONS[name](exact)
        out, grad, grad_x = make(shape), make(shape), make(shape)
        context.call(f"ea_{name}", x, out)
        near(out, expected)
        expected.backward(grad.double())
        context.call(f"ea_{name}_backward", grad, x, grad_x)
        near(grad_x, exact.grad)


@pytest.mark.parametrize("name", ["sum", "mean"])
def test_reduce(context, name):
    for trial in range(TRIALS):
        shape = random_shape(1, 4) if trial else [3000, 3]
        dims = random.sample(range(len(shape)), random.randint(1, len(shape)))
        keep = random.random() < 0.5
        x = make(shape)
        expected = getattr(torch, name)(x.double(), dims, keepdim=keep)
        out = make(list(expected.shape))
        context.call(f"ea_{name}", x, (ctypes.c_int * 8)(*dims), len(dims), out)
        terms = x.numel() // max(expected.numel(), 1)
        near(out, expected, terms, scale=terms**0.5 if name == "sum" else 1.0)


def test_sum_to_shape(context):
    for _ in range(TRIALS):
        shape = random_shape()
        small = [random.choice([1, size]) for size in shape][random.randint(0, len(shape) - 1):]
        grad, out = make(shape), make(small)
        context.call("ea_sum_to_shape", grad, out)
        near(out, grad.double().sum_to_size(small), grad.numel(), scale=grad.numel()**0.5)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(context, name):
    for _ in range(TRIALS):
        shape = random_shape()
        dim = random.randrange(-len(shape), len(shape))
        x, grad, out, grad_x = make(shape), make(shape), make(shape), make(shape)
        exact = wide(x)
        expected = getattr(torch, name)(exact, dim)
        context.call(f"ea_{name}", x, dim, out)
        near(out, expected, shape[dim])
        expected.backward(grad.double())
        context.call(f"ea_{name}_backward", grad, out, dim, grad_x)
        near(grad_x, exact.grad, shape[dim], scale=4.0)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy(context, reduction):
    number = ["mean", "sum", "none"].index(reduction)
    for _ in range(TRIALS):
        n, classes = random.randint(1, 300), random.randint(1, 40)
        x, target = make([n, classes]), torch.randint(classes, [n])
        exact = wide(x)
        expected = torch.nn.functional.cross_entropy(exact, target, reduction=reduction)
        out, grad, grad_x = make(list(expected.shape)), make(list(expected.shape)), make([n, classes])
        context.call("ea_cross_entropy", x, target, number, out)
        near(out, expected, n + classes, scale=4.0 * (n if reduction == "sum" else 1))
        expected.backward(grad.double())
        context.call("ea_cross_entropy_backward", grad, x, target, number, grad_x)
        near(grad_x, exact.grad, classes)


def test_batch_norm(context):
    for trial in range(TRIALS):
        shape = [random.randint(2, 20), random.randint(1, 9)] + random_shape(0, 2, 9)
        channels, training, affine = shape[1], trial % 2, random.random() < 0.8
        x, grad = make(shape), make(shape)
        weight, bias = (make([channels]), make([channels])) if affine else (None, None)
        mean, var = make([channels]), make([channels]).abs() + 0.5
        exact = [None if t is None else wide(t) for t in (x, weight, bias)]
        exact_mean, exact_var = mean.double(), var.double()
        expected = torch.nn.functional.batch_norm(exact[0], exact_mean, exact_var, exact[1], exact[2], bool(training),
                                                  0.2, 1e-3)
        options = BatchNormOptions(training, 0.2, 1e-3)
        out, save_mean, save_std = make(shape), make([channels]), make([channels])
        context.call("ea_batch_norm", x, weight, bias, mean, var, options, out, save_mean, save_std)
        n = x.numel() // channels
        near(out, expected, n, scale=16.0)
        near(mean, exact_mean, n, scale=4.0)
        if context.contract == 0:  # RepDL's running variance is the biased one
            near(var, exact_var, n)
        expected.backward(grad.double())
        grad_x, grad_weight, grad_bias = make(shape), make([channels]), make([channels])
        context.call("ea_batch_norm_backward", grad, x, weight, save_mean, save_std, options, grad_x, grad_weight,
                     grad_bias)
        near(grad_x, exact[0].grad, n, scale=16.0)
        if affine:
            near(grad_weight, exact[1].grad, n, scale=n**0.5)
            near(grad_bias, exact[2].grad, n, scale=n**0.5)


def test_matmul(context):
    for _ in range(TRIALS):
        lead, (m, k, n) = random_shape(0, 2, 5), [random.randint(1, 60) for _ in range(3)]
        a = make([random.choice([1, size]) for size in lead] + [m, k])
        b = make(lead[random.randint(0, len(lead)):] + [k, n])
        expected = a.double() @ b.double()
        out = make(list(expected.shape))
        context.call("ea_matmul", a, b, out)
        near(out, expected, k, scale=k**0.5)
        x, weight, bias = make(lead + [k]), make([n, k]), make([n])
        out = make(lead + [n])
        context.call("ea_linear", x, weight, bias, out)
        near(out, torch.nn.functional.linear(x.double(), weight.double(), bias.double()), k, scale=k**0.5)


def run_optimiser(context, optimiser, name, options, states):
    """Steps of both from one start; `states` buffers of zeros."""
    param = torch.randn(1500)
    exact = torch.nn.Parameter(param.double())
    peer = optimiser(exact)
    buffers = [torch.zeros(1500) for _ in range(states)]
    for step in range(1, 8):
        grad = torch.randn(1500)
        exact.grad = grad.double()
        peer.step()
        context.call(name, options, ctypes.c_int64(step), grad, param, *buffers)
        near(param, exact, 100 * step)


@pytest.mark.parametrize("options", [
    {}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.4, "weight_decay": 0.1},
    {"momentum": 0.8, "nesterov": True}, {"weight_decay": 0.2, "maximize": True}])
def test_sgd(context, options):
    run_optimiser(context, lambda p: torch.optim.SGD([p], lr=0.1, **options), "ea_sgd", SgdOptions(lr=0.1, **options), 1)


@pytest.mark.parametrize("options", [
    {}, {"weight_decay": 0.1}, {"amsgrad": True}, {"decoupled": True, "weight_decay": 0.3}, {"maximize": True},
    {"beta1": 0.3, "beta2": 0.6, "eps": 1e-3}])
def test_adam(context, options):
    peer_options = {k: v for k, v in options.items() if k not in ("decoupled", "beta1", "beta2")}
    peer_options["betas"] = options.get("beta1", 0.9), options.get("beta2", 0.999)
    kind = torch.optim.AdamW if options.get("decoupled") else torch.optim.Adam
    run_optimiser(context, lambda p: kind([p], lr=0.01, **({"weight_decay": 0} | peer_options)), "ea_adam",
                  AdamOptions(lr=0.01, **options), 3)
