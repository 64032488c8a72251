"""eadem.ops on NumPy arrays and PyTorch tensors: values, strides, places, errors."""

import hashlib

import numpy as np
import pytest
import torch

import eadem
from eadem import ops


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_numpy_without_copies_and_with_strides(rng):
    a = rng.standard_normal((40, 30), dtype=np.float32)
    b = rng.standard_normal((30, 20), dtype=np.float32)
    whole = ops.matmul(a, b)
    assert isinstance(whole, np.ndarray)
    np.testing.assert_allclose(whole, a.astype(np.float64) @ b.astype(np.float64), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(ops.matmul(a[::2], np.asfortranarray(b)), whole[::2])
    np.testing.assert_array_equal(ops.matmul(a[:, ::-1], b[::-1]), ops.matmul(a[:, ::-1].copy(), b[::-1].copy()))
    out = np.empty((20, 40), dtype=np.float32)
    ops.matmul(a, b, out=out.T)
    np.testing.assert_array_equal(out.T, whole)


def test_read_only_arrays_are_taken(rng):
    a = rng.standard_normal((3, 3), dtype=np.float32)
    a.flags.writeable = False
    np.testing.assert_array_equal(ops.add(a, a), 2 * a)


def test_torch_and_numpy_agree(rng):
    x = rng.standard_normal((7, 33), dtype=np.float32)
    t = torch.from_numpy(x)
    for name in ("exp", "tanh", "sigmoid", "relu"):
        ours = getattr(ops, name)
        assert isinstance(ours(t), torch.Tensor)
        np.testing.assert_array_equal(ours(x), ours(t).numpy())
    assert ops.digest(x) == ops.digest(t) == hashlib.sha256(x.tobytes()).hexdigest()


def test_storage_types():
    x = torch.randn(9, 5).bfloat16()
    assert torch.equal(ops.exp(x), x.float().exp().bfloat16())
    assert ops.matmul(x, x.t()).dtype == torch.bfloat16


def test_against_torch(rng):
    x = torch.randn(4, 6, 9, 9)
    w = torch.randn(8, 3, 3, 3)
    torch.testing.assert_close(ops.conv2d(x, w, stride=2, padding=1, groups=2),
                               torch.nn.functional.conv2d(x, w, stride=2, padding=1, groups=2), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ops.sum(x, (1, 3)), x.sum((1, 3)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ops.mean(x, -1, keepdim=True), x.mean(-1, keepdim=True), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ops.softmax(x, 1), x.softmax(1))
    target = torch.tensor([1, 0, 3, 2])
    flat = x.flatten(1)
    torch.testing.assert_close(ops.cross_entropy(flat, target), torch.nn.functional.cross_entropy(flat, target))


def test_errors_name_the_argument():
    a = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(eadem.Error, match=r"\[2, 3\] and \[2, 3\]"):
        ops.matmul(a, a, out=np.zeros((2, 3), dtype=np.float32))
    with pytest.raises(eadem.Error, match="float64"):
        ops.exp(a.astype(np.float64))
    with pytest.raises(TypeError, match="DLPack"):
        ops.add([1.0], a, out=a)
    with pytest.raises(eadem.Error, match="quantum"):
        ops.configure(isa="quantum")
    with pytest.raises(eadem.Error, match="contract 'fast'"), ops.use_contract("fast"):
        pass
