"""Modules that remember: recurrent layers and dropout train as PyTorch's do, in binary64, from the same parameters."""
import ctypes

import pytest
import torch
import torch.nn.functional as F
from peer import LIBRARY, library_constant, read, var
from test_recurrent import KINDS, network
from test_values import DLTensor, context, dl, near  # noqa: F401 (a fixture)

PHILOX, STEPS, N, SIZE, HIDDEN, CLASSES = 0, 6, 4, 5, 7, 3


class Parameter(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 128), ("value", ctypes.POINTER(DLTensor)), ("grad", ctypes.POINTER(DLTensor)),
                ("has_grad", ctypes.c_int)]


class RecurrentOptions(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("hidden", ctypes.c_int64), ("layers", ctypes.c_int), ("bidirectional", ctypes.c_int),
                ("batch_first", ctypes.c_int), ("no_bias", ctypes.c_int), ("projection", ctypes.c_int64),
                ("dropout", ctypes.c_double), ("generator", ctypes.c_void_p)]


class SgdOptions(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("lr", "momentum", "dampening", "weight_decay")] + \
        [("nesterov", ctypes.c_int), ("maximize", ctypes.c_int)]


for name in ("recurrent", "linear", "dropout", "sequential_of"):
    getattr(LIBRARY, f"ea_nn_{name}").restype = ctypes.c_void_p
LIBRARY.ea_nn_recurrent_from.restype = LIBRARY.ea_nn_recurrent_packed.restype = ctypes.c_void_p
LIBRARY.ea_module_forward.restype = ctypes.c_void_p
LIBRARY.ea_optimizer_sgd.restype = LIBRARY.ea_var_input.restype = ctypes.c_void_p
LIBRARY.ea_module_parameter.restype = ctypes.POINTER(Parameter)


def generator(seed):
    room = ctypes.create_string_buffer(4096)
    LIBRARY.ea_generator_seed(room, PHILOX, ctypes.c_uint64(seed))
    return room


def parameters(module):
    found, i = {}, 0
    while p := LIBRARY.ea_module_parameter(module, i):
        found[p.contents.name.decode()] = p.contents
        i += 1
    return found


def sequential(context, *modules):
    assert all(modules), LIBRARY.ea_error_text(context.handle).decode()
    array = (ctypes.c_void_p * len(modules))(*modules)
    return ctypes.c_void_p(LIBRARY.ea_nn_sequential_of(context.handle, ctypes.c_size_t(len(modules)), array))


def recurrent(context, size, **options):
    return LIBRARY.ea_nn_recurrent(context.handle, ctypes.c_int64(size), ctypes.byref(RecurrentOptions(**options)))


def linear(context, size, out):
    return LIBRARY.ea_nn_linear(context.handle, ctypes.c_int64(size), ctypes.c_int64(out), None)


def new_tape(context):
    tape = ctypes.c_void_p()
    assert LIBRARY.ea_tape_create(context.handle, ctypes.byref(tape)) == 0
    return tape


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers, bidirectional, projection", [(1, False, 0), (2, True, 0), (2, False, 4)])
def test_a_small_network_trains_as_in_pytorch(context, kind, layers, bidirectional, projection):
    projection = projection if kind == "LSTM" else 0
    width = (projection or HIDDEN) * (1 + bidirectional)
    net = sequential(context,
                     recurrent(context, SIZE, kind=KINDS.index(kind), hidden=HIDDEN, layers=layers, bidirectional=bidirectional,
                               projection=projection),
                     linear(context, width, CLASSES))
    assert LIBRARY.ea_module_init(net, generator(3)) == 0
    torch.manual_seed(4)
    peer = torch.nn.ModuleList([network(kind, SIZE, HIDDEN, layers, bidirectional, True, False, projection),
                                torch.nn.Linear(width, CLASSES).double()])
    own = parameters(net)
    assert list(own) == list(peer.state_dict())
    for name, p in own.items():
        bound = 1 / (HIDDEN if name.startswith("0") else width)**0.5
        value = read(p.value.contents)
        assert value.abs().max() <= bound and value.std() > bound / 4
    peer.load_state_dict({name: read(p.value.contents).double() for name, p in own.items()})
    x, target = torch.randn(STEPS, N, SIZE), torch.randint(0, CLASSES, [STEPS * N])
    options = SgdOptions(lr=0.5)
    sgd = ctypes.c_void_p(LIBRARY.ea_optimizer_sgd(context.handle, net, ctypes.byref(options)))
    tape, given, labels, losses = new_tape(context), dl(x), dl(target), []
    for step in range(25):
        LIBRARY.ea_tape_begin(tape)
        out = ctypes.c_void_p(LIBRARY.ea_module_forward(net, ctypes.c_void_p(LIBRARY.ea_var_input(tape, ctypes.byref(given)))))
        assert out.value, LIBRARY.ea_error_text(context.handle).decode()
        flat = ctypes.c_void_p(var("reshape", out, 2, (ctypes.c_int64 * 2)(STEPS * N, CLASSES)))
        loss = ctypes.c_void_p(var("cross_entropy", flat, ctypes.byref(labels), 0))
        LIBRARY.ea_optimizer_zero_grad(sgd)
        assert LIBRARY.ea_backward(tape, loss) == 0, LIBRARY.ea_error_text(context.handle).decode()
        losses.append(float(read(LIBRARY.ea_var_value(loss).contents)))
        wanted = F.cross_entropy(peer[1](peer[0](x.double())[0]).reshape(-1, CLASSES), target)
        peer.zero_grad()
        wanted.backward()
        assert abs(losses[-1] - wanted.item()) < 1e-5
        for name, p in peer.named_parameters():
            near(read(own[name].grad.contents), p.grad, 100, 1)
            if step == 0:
                assert p.grad.abs().max() > 0
        assert LIBRARY.ea_optimizer_step(sgd) == 0
        with torch.no_grad():  # from the same parameters at each step
            for name, p in peer.named_parameters():
                near(read(own[name].value.contents), p - 0.5 * p.grad, 100, 1)
                p.copy_(read(own[name].value.contents).double())
    assert losses[-1] < losses[0] - 0.02
    LIBRARY.ea_tape_destroy(tape)
    LIBRARY.ea_optimizer_destroy(sgd)
    LIBRARY.ea_module_destroy(net)


def test_states_go_in_and_out(context):
    """A sequence in two pieces, the states handed on, gives the outputs of the whole."""
    net = ctypes.c_void_p(recurrent(context, SIZE, kind=KINDS.index("LSTM"), hidden=HIDDEN, layers=2))
    assert LIBRARY.ea_module_init(net, generator(5)) == 0
    tape, x = new_tape(context), torch.randn(STEPS, N, SIZE)

    def outputs(pieces):
        LIBRARY.ea_tape_begin(tape)
        h = c = library_constant("ea_no_bias")
        found = []
        for piece in pieces:
            hn, cn = ctypes.c_void_p(), ctypes.c_void_p()
            given = dl(piece)
            y = LIBRARY.ea_nn_recurrent_from(net, ctypes.c_void_p(LIBRARY.ea_var_input(tape, ctypes.byref(given))), h, c,
                                             ctypes.byref(hn), ctypes.byref(cn))
            assert y, LIBRARY.ea_error_text(context.handle).decode()
            found.append(read(LIBRARY.ea_var_value(ctypes.c_void_p(y)).contents))
            h, c = hn, cn
        return torch.cat(found)

    assert torch.equal(outputs([x]), outputs([x[:2].clone(), x[2:].clone()]))
    LIBRARY.ea_tape_destroy(tape)
    LIBRARY.ea_module_destroy(net)


@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences_are_their_runs_alone(context, kind):
    """Outputs, last states and, with one sequence packed, the parameters' gradients, bit for bit."""
    net = ctypes.c_void_p(recurrent(context, SIZE, kind=KINDS.index(kind), hidden=HIDDEN, layers=2, bidirectional=1,
                                    projection=3 if kind == "LSTM" else 0))
    assert LIBRARY.ea_module_init(net, generator(7)) == 0
    tape, absent, own = new_tape(context), library_constant("ea_no_bias"), parameters(net)

    def results(x, sizes):
        LIBRARY.ea_tape_begin(tape)
        for p in own.values():
            p.has_grad = 0
        hn, cn, given = ctypes.c_void_p(), ctypes.c_void_p(), dl(x)
        value = ctypes.c_void_p(LIBRARY.ea_var_input(tape, ctypes.byref(given)))
        if sizes:
            y = LIBRARY.ea_nn_recurrent_packed(net, value, (ctypes.c_int64 * len(sizes))(*sizes), ctypes.c_int64(len(sizes)), absent,
                                               absent, ctypes.byref(hn), ctypes.byref(cn))
        else:
            y = LIBRARY.ea_nn_recurrent_from(net, value, absent, absent, ctypes.byref(hn), ctypes.byref(cn))
        assert y, LIBRARY.ea_error_text(context.handle).decode()
        y = ctypes.c_void_p(y)
        assert LIBRARY.ea_backward(tape, ctypes.c_void_p(var("sum", y, None, 0, 0))) == 0
        grads = [read(p.grad.contents) for p in own.values()]
        states = [read(LIBRARY.ea_var_value(s).contents) for s in ([hn, cn] if kind == "LSTM" else [hn])]
        return read(LIBRARY.ea_var_value(y).contents), states, grads

    lines = [torch.randn(n, SIZE) for n in (6, 4, 4, 1)]
    packed = torch.nn.utils.rnn.pack_sequence(lines)
    y, states, _ = results(packed.data, packed.batch_sizes.tolist())
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(torch.nn.utils.rnn.PackedSequence(y, packed.batch_sizes))
    for i, line in enumerate(lines):
        alone, last, grads = results(line.unsqueeze(1), None)
        assert torch.equal(padded[:len(line), i], alone[:, 0])
        assert all(torch.equal(a[:, i], b[:, 0]) for a, b in zip(states, last))
        again = results(line, [1] * len(line))
        assert torch.equal(again[0], alone[:, 0]) and all(torch.equal(a, b) for a, b in zip(again[2], grads))
    LIBRARY.ea_tape_destroy(tape)
    LIBRARY.ea_module_destroy(net)


def test_dropout_is_for_training(context):
    room, x = generator(6), torch.ones(50, 40)
    net = ctypes.c_void_p(LIBRARY.ea_nn_dropout(context.handle, ctypes.c_double(0.25), room))
    tape, given = new_tape(context), dl(x)

    def value():
        LIBRARY.ea_tape_begin(tape)
        out = LIBRARY.ea_module_forward(net, ctypes.c_void_p(LIBRARY.ea_var_input(tape, ctypes.byref(given))))
        return read(LIBRARY.ea_var_value(ctypes.c_void_p(out)).contents)

    first, second = value(), value()
    assert set(first.unique().tolist()) == {0.0, float(torch.tensor(1 / 0.75))}
    assert 0.15 < (first == 0).float().mean() < 0.35 and not torch.equal(first, second)
    LIBRARY.ea_generator_seed(room, PHILOX, ctypes.c_uint64(6))
    assert torch.equal(value(), first)
    LIBRARY.ea_module_set_training(net, 0)
    assert torch.equal(value(), x)
    LIBRARY.ea_tape_destroy(tape)
    LIBRARY.ea_module_destroy(net)


@pytest.mark.parametrize("options, sentence", [
    ({"kind": 9, "hidden": 3}, "recurrent: kind 9 is none"),
    ({"kind": 2}, "lstm: 5 inputs, 0 hidden, 0 layers: give positive sizes"),
    ({"kind": 3, "hidden": 4, "projection": 2}, "gru: projection is 2: give an LSTM one below its 4 hidden"),
    ({"kind": 2, "hidden": 4, "projection": 4}, "lstm: projection is 4: give an LSTM one below its 4 hidden"),
    ({"kind": 0, "hidden": 4, "dropout": 1.5}, "rnn_tanh: dropout is 1.5: give a probability"),
])
def test_wrong_options_say_what_is_wrong(context, options, sentence):
    assert not recurrent(context, SIZE, **options)
    assert LIBRARY.ea_error_text(context.handle).decode() == sentence


def test_wrong_dropouts_say_what_is_wrong(context):
    assert not LIBRARY.ea_nn_dropout(context.handle, ctypes.c_double(2), generator(1))
    assert LIBRARY.ea_error_text(context.handle).decode() == "dropout: p is 2: give a probability and a generator"
    assert not LIBRARY.ea_nn_dropout(context.handle, ctypes.c_double(0.5), None)
    assert "the generator NULL" in LIBRARY.ea_error_text(context.handle).decode()
