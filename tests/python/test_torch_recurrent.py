"""torch.nn.RNN, LSTM and GRU under reproducible(), with packed sequences: values and gradients near PyTorch's in float64, each
sequence's bits those of its run alone, and the same for one thread and the portable kernels as for two and the fastest."""

import copy

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence

import eadem
import eadem.torch as et
from eadem import ops

SIZE, HIDDEN, LENGTHS = 5, 7, (6, 4, 4, 1)
NETWORKS = {
    "rnn": lambda **more: torch.nn.RNN(SIZE, HIDDEN, **more),
    "relu": lambda **more: torch.nn.RNN(SIZE, HIDDEN, nonlinearity="relu", **more),
    "lstm": lambda **more: torch.nn.LSTM(SIZE, HIDDEN, **more),
    "projected": lambda **more: torch.nn.LSTM(SIZE, HIDDEN, proj_size=3, **more),
    "gru": lambda **more: torch.nn.GRU(SIZE, HIDDEN, **more),
}
SHAPES = [{}, {"num_layers": 2, "bidirectional": True, "batch_first": True}, {"num_layers": 3, "bias": False}]


def sequences():
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(n, SIZE, generator=generator) for n in LENGTHS]


def states(h):
    return h if isinstance(h, tuple) else (h,)


def run(net, packed):
    """The outputs, last states and parameters' gradients."""
    out, h = net(packed)
    loss = out.data.square().sum() + sum(s.sum() for s in states(h))
    return [out.data, *states(h), *torch.autograd.grad(loss, list(net.parameters()))]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", NETWORKS)
def test_packed_sequences(kind, shape):
    torch.manual_seed(1)
    net, packed, results = NETWORKS[kind](**shape), pack_sequence(sequences()), []
    for threads, isa in ((1, "generic"), (2, eadem.isas[-1])):
        ops.configure(threads=threads, isa=isa)
        with et.reproducible():
            results.append(run(net, packed))
    ops.configure(threads=0, isa="")
    assert [et.digest(t) for t in results[0]] == [et.digest(t) for t in results[1]]
    exact = run(copy.deepcopy(net).double(), PackedSequence(packed.data.double(), packed.batch_sizes))
    for ours, theirs in zip(results[0], exact):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", NETWORKS)
def test_each_packed_sequence_is_its_run_alone(kind, shape):
    torch.manual_seed(1)
    net, lines = NETWORKS[kind](**shape), sequences()
    order, time = [2, 0, 3, 1], 1 if shape.get("batch_first") else 0
    with et.reproducible():
        out, h = net(pack_sequence([lines[i] for i in order], enforce_sorted=False))
        padded, lengths = pad_packed_sequence(out)
        assert lengths.tolist() == [LENGTHS[i] for i in order]
        for place, i in enumerate(order):
            alone, last = net(lines[i].unsqueeze(1 - time))
            assert torch.equal(padded[:LENGTHS[i], place], alone.squeeze(1 - time))
            assert all(torch.equal(a[:, place], b[:, 0]) for a, b in zip(states(h), states(last)))


def test_dropout_between_layers():
    net, packed = torch.nn.LSTM(SIZE, 400, 2, dropout=0.25), pack_sequence(sequences())
    with et.reproducible():
        drawn = []
        for seed in (3, 3, 4):
            torch.manual_seed(seed)
            drawn.append(net(packed)[0].data)
        whole = net.eval()(packed)[0].data
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2]) and not torch.equal(drawn[0], whole)
    first = torch.nn.LSTM(SIZE, 400)
    first.load_state_dict({name: p for name, p in net.state_dict().items() if name.endswith("l0")})
    second = torch.nn.LSTM(400, 400)
    second.load_state_dict({name.replace("l1", "l0"): p for name, p in net.state_dict().items() if name.endswith("l1")})
    with et.reproducible():
        middle = first(packed)[0]
        torch.manual_seed(3)
        dropped = torch.dropout(middle.data, 0.25, True)
        assert torch.equal(second(PackedSequence(dropped, middle.batch_sizes))[0].data, drawn[0])
    assert abs((dropped != 0).float().mean() - 0.75) < 0.05
