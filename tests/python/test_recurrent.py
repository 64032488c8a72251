"""Recurrent networks on the tape against PyTorch in binary64: kinds, layers, directions, projections, packed sequences."""
import ctypes
import random

import pytest
import torch
from peer import check, library_constant, var
from test_values import context, make  # noqa: F401 (a fixture)

KINDS = ["RNN_TANH", "RNN_RELU", "LSTM", "GRU"]


class Layer(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")]


class Options(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("layers", ctypes.c_int), ("bidirectional", ctypes.c_int),
                ("batch_first", ctypes.c_int), ("dropout", ctypes.c_double), ("generator", ctypes.c_void_p),
                ("batch_sizes", ctypes.POINTER(ctypes.c_int64)), ("steps", ctypes.c_int64)]


def network(kind, size, hidden, layers, bidirectional, bias, batch_first, projection):
    arguments = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias, "batch_first": batch_first}
    if kind.startswith("RNN"):
        return torch.nn.RNN(size, hidden, nonlinearity=kind[4:].lower(), **arguments).double()
    if kind == "LSTM":
        return torch.nn.LSTM(size, hidden, proj_size=projection, **arguments).double()
    return torch.nn.GRU(size, hidden, **arguments).double()


def names_of(net, layer, direction):
    suffix = f"_l{layer}" + ("_reverse" if direction else "")
    return [name + suffix for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packed", [False, True])
def test_recurrent(context, kind, packed):
    for trial in range(6):
        size, hidden, layers, steps, n = (random.randint(1, 9), random.randint(2, 18), random.randint(1, 3),
                                          random.randint(1, 7), random.randint(1, 5))
        bidirectional, bias, batch_first = (random.random() < 0.5 for _ in range(3))
        batch_first = batch_first and not packed
        projection = random.randint(1, hidden - 1) if kind == "LSTM" and random.random() < 0.4 else 0
        net = network(kind, size, hidden, layers, bidirectional, bias, batch_first, projection)
        out, directions = projection or hidden, 1 + bidirectional
        sizes = sorted((random.randint(1, n) for _ in range(steps - 1)), reverse=True)
        sizes = [n] + sizes if packed else None
        x = torch.randn([sum(sizes), size] if packed else [n, steps, size] if batch_first else [steps, n, size])
        with_states = random.random() < 0.7
        states = [torch.randn(layers * directions, n, out)] if with_states else []
        if with_states and kind == "LSTM":
            states.append(torch.randn(layers * directions, n, hidden))
        parameters = {name: p.detach().float() for name, p in net.named_parameters()}
        net.load_state_dict({name: p.double() for name, p in parameters.items()})
        which = random.choice(["y", "hn", "cn"] if kind == "LSTM" else ["y", "hn"])
        array = (ctypes.c_int64 * steps)(*sizes) if packed else None

        def build(x, *given):
            absent = library_constant("ea_no_bias")
            values = dict(zip(parameters, given))
            rest = list(given[len(parameters):])
            weights = (Layer * (layers * directions))(*(
                Layer(*(values.get(name, absent) for name in names_of(net, layer, d)))
                for layer in range(layers) for d in range(directions)))
            h0, c0 = (rest + [absent, absent])[:2] if rest else (absent, absent)
            options = Options(KINDS.index(kind), layers, bidirectional, batch_first, 0.0, None, array, steps if packed else 0)
            hn, cn = ctypes.c_void_p(), ctypes.c_void_p()
            y = var("recurrent", x, ctypes.byref(options), weights, h0, c0, ctypes.byref(hn), ctypes.byref(cn))
            return {"y": y, "hn": hn.value, "cn": cn.value}[which]

        def expected(x, *given):
            call = dict(zip(parameters, given))
            rest = given[len(parameters):]
            state = None if not rest else (tuple(rest) if kind == "LSTM" else rest[0])
            if packed:
                x = torch.nn.utils.rnn.PackedSequence(x, torch.tensor(sizes))
            y, last = torch.func.functional_call(net, call, (x, state))
            hn, cn = last if kind == "LSTM" else (last, None)
            return {"y": y.data if packed else y, "hn": hn, "cn": cn}[which]

        check(context, build, expected, [x] + list(parameters.values()) + states, terms=1000, scale=2.0, grad_scale=30.0)


def test_growing_batches_are_refused(context):
    x = torch.randn(3, 2)

    def build(x, w, v):
        absent = library_constant("ea_no_bias")
        options = Options(0, 1, 0, 0, 0.0, None, (ctypes.c_int64 * 2)(1, 2), 2)
        hn, cn = ctypes.c_void_p(), ctypes.c_void_p()
        return var("recurrent", x, ctypes.byref(options), (Layer * 1)(Layer(w, v, absent, absent, absent)), absent, absent,
                   ctypes.byref(hn), ctypes.byref(cn))

    with pytest.raises(AssertionError, match="step 1 has 2 rows"):
        check(context, build, None, [x, torch.randn(4, 2), torch.randn(4, 4)])


@pytest.mark.parametrize("shape", [[], [2], [1, 2], [2, 2, 4], [1, 3, 4], [1, 2, 5]])
def test_states_of_another_shape_are_refused(context, shape):
    def build(x, w, v, h0):
        absent = library_constant("ea_no_bias")
        options, hn, cn = Options(0, 1, 0, 0, 0.0, None, None, 0), ctypes.c_void_p(), ctypes.c_void_p()
        return var("recurrent", x, ctypes.byref(options), (Layer * 1)(Layer(w, v, absent, absent, absent)), h0, absent,
                   ctypes.byref(hn), ctypes.byref(cn))

    with pytest.raises(AssertionError, match="h0|reshape|narrow"):
        check(context, build, None, [torch.randn(3, 2, 2), torch.randn(4, 2), torch.randn(4, 4), torch.randn(shape)])
