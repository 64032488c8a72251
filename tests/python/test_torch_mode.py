"""reproducible(): bits do not depend on threads, instruction set or batch; values agree with float64."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
import torch

import eadem
import eadem.torch as et
from eadem import _context, ops


def small_model():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(8, 8, 3, stride=2, groups=2), torch.nn.Tanh(), torch.nn.Flatten(),
        torch.nn.Linear(8 * 7 * 7, 32), torch.nn.LayerNorm(32), torch.nn.Sigmoid(), torch.nn.Linear(32, 10))


def train(optimizer_class, **options):
    model = small_model()
    optimizer = optimizer_class(model.parameters(), lr=0.01, **options)
    generator = torch.Generator().manual_seed(9)
    x = torch.rand(16, 3, 32, 32, generator=generator)
    y = torch.randint(10, (16,), generator=generator)
    losses = []
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return et.digest(model), losses


OPTIMIZERS = [(torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.01}), (torch.optim.Adam, {}),
              (torch.optim.AdamW, {}), (torch.optim.AdamW, {"foreach": True}), (torch.optim.SGD, {"foreach": True})]


@pytest.mark.parametrize("optimizer_class, options", OPTIMIZERS)
def test_training_does_not_depend_on_threads_or_instruction_set(optimizer_class, options):
    digests = set()
    for isa in eadem.isas:
        if isa == "ref":
            continue  # the definitions: right, and slow
        for threads in (1, 3):
            ops.configure(threads=threads, isa=isa)
            torch.set_num_threads(threads)
            with et.reproducible():
                digests.add(train(optimizer_class, **options)[0])
    ops.configure(threads=0, isa="")
    assert len(digests) == 1


def test_training_agrees_with_float64():
    with et.reproducible():
        _, ours = train(torch.optim.SGD)
    torch.set_default_dtype(torch.float64)
    try:
        model, generator = small_model(), torch.Generator().manual_seed(9)
    finally:
        torch.set_default_dtype(torch.float32)
    model.load_state_dict({k: v.double() for k, v in small_model().state_dict().items()})
    x = torch.rand(16, 3, 32, 32, generator=generator, dtype=torch.float32).double()
    y = torch.randint(10, (16,), generator=generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(3):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert ours[step] == pytest.approx(loss.item(), rel=1e-5)


def test_batch_slices_equal_the_whole():
    model = small_model().eval()
    x = torch.randn(16, 3, 32, 32)
    with et.reproducible(), torch.no_grad():
        whole = model(x)
        parts = torch.cat([model(x[:1]), model(x[1:6]), model(x[6:])])
    assert torch.equal(whole, parts)


def test_matmul_of_batch_invariant_ops():
    """The check that batch_invariant_ops publishes, and that plain PyTorch fails it or not by its build."""
    a = torch.linspace(-100, 100, 2048 * 4096).reshape(2048, 4096)
    b = torch.linspace(-100, 100, 4096 * 4096).reshape(4096, 4096)
    with et.reproducible():
        assert torch.equal(torch.mm(a[:1], b), torch.mm(a, b)[:1])


PROGRAM = textwrap.dedent("""
    import sys, torch
    import eadem.torch as et
    sys.path.insert(0, {folder!r})
    from test_torch_mode import train
    torch.set_num_threads({threads})
    if {ours}:
        et.enable()
    print(train(torch.optim.Adam)[0])
""")


def in_process(capability, threads, ours):
    code = PROGRAM.format(folder=os.path.dirname(__file__), threads=threads, ours=ours)
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": capability}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_pytorch_builds_give_the_same_bits_and_plain_pytorch_does_not():
    runs = [("default", 1), ("avx2", 1), ("avx2", 2)]
    assert len({in_process(c, t, True) for c, t in runs}) == 1
    assert len({in_process(c, t, False) for c, t in runs}) > 1  # else this test could not fail


def test_strict_names_operation_line_and_remedy():
    x = torch.randn(4)
    with et.reproducible(), pytest.raises(et.NotReproducible) as caught:
        torch.fft.fft(x)
    text = str(caught.value)
    assert "fft" in text and os.path.basename(__file__) in text and "Remedy" in text


def test_warn_computes_in_pytorch():
    x = torch.randn(4)
    with et.reproducible(strict="warn"), pytest.warns(UserWarning, match="fft"):
        assert torch.equal(torch.fft.fft(x), torch.fft.fft(x))


def test_options_are_checked():
    with pytest.raises(ValueError, match="contract"):
        et.reproducible(contract="exact")
    with pytest.raises(ValueError, match="strict"):
        et.reproducible(strict=False)


def test_composes_with_no_grad_autocast_checkpoint_and_nesting():
    model = small_model()
    x = torch.rand(4, 3, 32, 32)
    results = set()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        ops.configure(threads=threads)
        with et.reproducible("repdl"), et.reproducible():
            with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
                half = model(x)
            y = torch.utils.checkpoint.checkpoint(model, x, use_reentrant=False)
            y.sum().backward()
        results.add((et.digest(half), et.digest(y), et.digest(model[0].weight.grad)))
        model.zero_grad()
    ops.configure(threads=0)
    assert half.dtype == torch.bfloat16 and len(results) == 1


@et.reproducible()
def decorated(a, b):
    return a @ b


def test_decorator():
    a = torch.randn(5, 2000)
    assert torch.equal(decorated(a, a.t()), ops.matmul(a, a.t()))


def test_data_loader_workers_inside():
    data = torch.utils.data.TensorDataset(torch.arange(20.0))
    with et.reproducible():
        loader = torch.utils.data.DataLoader(data, batch_size=5, num_workers=2)
        assert torch.cat([b for (b,) in loader]).tolist() == list(range(20))


def test_float64_is_refused_by_name():
    x = torch.randn(3, 3, dtype=torch.float64)
    with et.reproducible(), pytest.raises(eadem.Error, match="float64"):
        x @ x


def test_works_in_a_forked_process():
    """OpenMP's threads are not in a child: contexts from before the fork, and new ones, do without them."""
    torch.set_num_threads(2)
    a = torch.randn(256, 256, generator=torch.Generator().manual_seed(1))

    def product(contract):
        with et.reproducible(contract=contract):
            return et.digest(a @ a)

    expected = product("chain")
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a hang is a failure
        os._exit(0 if product("chain") == expected and product("repdl") else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert product("chain") == expected


def test_follows_the_number_of_pytorch_threads():
    for threads in (1, 2, 1):
        torch.set_num_threads(threads)
        with et.reproducible():
            assert "EADEM_THREADS" in os.environ or _context.current().threads == threads
    torch.set_num_threads(2)
