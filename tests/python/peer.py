"""Runs operations on a tape as PyTorch's autograd would, and compares: values and gradients with PyTorch in binary64, and
the bits of the fast versions with those of the definitions, over random memory layouts."""
import ctypes
import random

import torch

from test_values import LIBRARY, TYPE_CODES, Context, ContextOptions, DLTensor, dl, make, near, random_shape, wide

TYPE_CODES.update({torch.int32: (0, 32), torch.uint8: (1, 8), torch.bool: (6, 8)})
NUMBERS = {(2, 32): torch.float32, (0, 64): torch.int64, (6, 8): torch.bool, (0, 32): torch.int32}
int64, double = ctypes.c_int64, ctypes.c_double
LIBRARY.ea_var_value.restype = ctypes.POINTER(DLTensor)
LIBRARY.ea_var_grad.restype = ctypes.POINTER(DLTensor)


def library_constant(name):
    return ctypes.c_void_p.in_dll(LIBRARY, name)


class Ref(Context):
    """A context on the definitions themselves, one thread."""

    def __init__(self, contract):
        self.handle = ctypes.c_void_p()
        self.contract = contract
        options = ContextOptions(1, b"ref", contract)
        assert LIBRARY.ea_context_create(ctypes.byref(options), ctypes.byref(self.handle)) == 0


def pointer(tensor):
    return ctypes.byref(dl(tensor)) if tensor is not None else None


def pointers(tensors):
    """An array of DLTensor pointers; the descriptions stay alive with it."""
    kept = [None if t is None else dl(t) for t in tensors]
    array = (ctypes.POINTER(DLTensor) * len(kept))(*(None if t is None else ctypes.pointer(t) for t in kept))
    array.kept = kept
    return array


def read(tensor):
    """A copy of what a DLTensor of the library shows."""
    shape = [tensor.shape[d] for d in range(tensor.ndim)]
    dtype = NUMBERS[(tensor.code, tensor.bits)]
    count = 1
    for size in shape:
        count *= size
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    memory = (ctypes.c_char * (count * tensor.bits // 8)).from_address(tensor.data + tensor.byte_offset)
    return torch.frombuffer(bytearray(memory), dtype=dtype).reshape(shape)


def var(name, *arguments):
    """ea_var_NAME on values, tensors (kept alive by the caller) and numbers."""
    function = getattr(LIBRARY, f"ea_var_{name}")
    function.restype = ctypes.c_void_p
    converted = []
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            argument = pointer(argument)
        converted.append(argument)
    return function(*converted)


def run(context, build, leaves, weight):
    """The value of build(leaves' values) and the gradients of the sum of it times weight(shape)."""
    tape = ctypes.c_void_p()
    assert LIBRARY.ea_tape_create(context.handle, ctypes.byref(tape)) == 0
    LIBRARY.ea_tape_begin(tape)
    LIBRARY.ea_var_leaf.restype = LIBRARY.ea_var_input.restype = ctypes.c_void_p
    kept = [dl(leaf) for leaf in leaves]
    values = [ctypes.c_void_p(LIBRARY.ea_var_leaf(tape, ctypes.byref(k))) for k in kept]
    out = ctypes.c_void_p(build(*values))
    assert out.value, LIBRARY.ea_error_text(context.handle).decode()
    value = read(LIBRARY.ea_var_value(out).contents)
    grads = []
    if value.dtype == torch.float32 and value.numel():
        factors = dl(torch_factors := weight(value))
        factor = ctypes.c_void_p(LIBRARY.ea_var_input(tape, ctypes.byref(factors)))
        product = ctypes.c_void_p(var("mul", out, factor))
        loss = ctypes.c_void_p(var("sum", product, None, 0, 0))
        status = LIBRARY.ea_backward(tape, loss)
        assert status == 0, LIBRARY.ea_error_text(context.handle).decode()
        for leaf in values:
            grad = LIBRARY.ea_var_grad(leaf)
            grads.append(read(grad.contents) if grad else None)
        del torch_factors
    LIBRARY.ea_tape_destroy(tape)
    return value, grads


def same_bits(a, b):
    if a is None or b is None:
        return a is b
    if a.dtype == torch.float32:
        nan = a.isnan() & b.isnan()
        a, b = a.view(torch.int32), b.view(torch.int32)
        return a.shape == b.shape and bool(((a == b) | nan).all())
    return torch.equal(a, b)


def check(context, build, expected, leaves, terms=1, scale=None, exact=False, grad_scale=None):
    """build(*values) on the tape against expected(*tensors) of PyTorch. `exact`: values agree to the bit.
    `grad_scale`: of a gradient's terms, where they cancel."""
    seed = random.getrandbits(32)

    def weight(value):
        torch.manual_seed(seed)
        return torch.randn(value.shape)

    value, grads = run(context, build, leaves, weight)
    ref = Ref(context.contract)
    ref_value, ref_grads = run(ref, build, leaves, weight)
    LIBRARY.ea_context_destroy(ref.handle)
    assert same_bits(value, ref_value)
    assert len(grads) == len(ref_grads) and all(same_bits(a, b) for a, b in zip(grads, ref_grads))
    exacts = [wide(leaf) for leaf in leaves]
    result = expected(*exacts)
    assert value.shape == result.shape, (value.shape, result.shape)
    if not value.dtype.is_floating_point:
        assert torch.equal(value, result)
        return
    if exact:
        assert torch.equal(value, result.float())
    else:
        near(value, result, terms, scale)
    if not grads or not result.requires_grad:
        return
    result.backward(weight(value).double())
    for grad, leaf in zip(grads, exacts):
        if leaf.grad is not None:
            near(torch.zeros(leaf.shape) if grad is None else grad, leaf.grad, max(terms, 4),
                 grad_scale)
