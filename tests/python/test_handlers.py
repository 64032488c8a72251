"""Operations under reproducible(), forward and backward: values near PyTorch's in float64, and the same bits for one thread
and the portable kernels as for two threads and the fastest."""

import pytest
import torch
import torch.nn.functional as F  # noqa: F401, used by the cases

import eadem
import eadem.torch as et
from eadem import ops

PICK = torch.tensor([0, 2, 2])
BAGS = torch.tensor([[0, 1, 2, 2], [0, 5, 5, 5]])
KEEP = torch.ones(4, 6, dtype=torch.bool)
KEEP[0] = KEEP[1, 2] = False  # the first row attends to nothing

# What is computed, and the shapes of x, w, b.
CASES = [(code, shapes) for *codes, shapes in (
    ("F.conv1d(x, w, b, padding=1, groups=2)", [(2, 4, 9), (6, 2, 3), (6,)]),
    ("F.conv2d(x, w, b)", [(4, 6, 7), (3, 4, 3, 3), (3,)]),
    ("F.conv3d(x, w, b, stride=2, padding=1)", [(2, 4, 6, 7, 8), (6, 4, 3, 3, 3), (6,)]),
    ("F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1)", [(2, 4, 6, 7), (4, 3, 3, 3), (3,)]),
    ("F.conv_transpose3d(x, w, b, stride=2, groups=2)", [(1, 4, 3, 4, 5), (4, 3, 3, 3, 3), (6,)]),
    ("torch._weight_norm_interface(x, w, 0)[0]", [(5, 4, 3), (5, 1, 1)]),
    ("torch.cdist(x, w)", "torch.cdist(x, w, 1.5)", "torch.cdist(x, w, compute_mode='donot_use_mm_for_euclid_dist')",
     [(2, 7, 4), (2, 5, 4)]),
    ("torch.renorm(x.detach(), 2, 0, 1.5) * x", "F.embedding(PICK, x.detach() * 1, max_norm=1.0) + 0 * x[0]", [(5, 4)]),
    ("torch.block_diag(x, w)", [(5, 4), (5, 4)]),
    ("F.linear(x, w, b)", [(3, 4, 5), (6, 5), (6,)]),
    ("F.layer_norm(x, (5, 6), w, b)", [(3, 4, 5, 6), (5, 6), (5, 6)]),
    ("F.group_norm(x, 3, w, b)", "F.batch_norm(x, None, None, w, b, True)", "F.instance_norm(x, weight=w, bias=b)",
     [(2, 6, 4, 5), (6,), (6,)]),
    ("F.grid_sample(x, w, align_corners=False)", "F.grid_sample(x, w, 'bicubic', 'border', True)",
     "F.grid_sample(x, w, 'nearest', 'reflection', True)", [(2, 3, 6, 8), (2, 4, 5, 2)]),
    ("F.grid_sample(x, w, align_corners=True)", [(2, 3, 4, 6, 8), (2, 4, 5, 3, 3)]),
    ("F.ctc_loss(x.log_softmax(2), BAGS + 1, torch.tensor([12, 10]), torch.tensor([4, 3]))",
     "F.ctc_loss(x.log_softmax(2), BAGS + 1, torch.tensor([12, 4]), torch.tensor([4, 4]), zero_infinity=True)",
     [(12, 2, 8)]),
    ("F.rms_norm(x, (8,), w)", [(3, 8), (8,)]),
    ("F.scaled_dot_product_attention(x, w, b, KEEP)", [(2, 3, 4, 8), (2, 3, 6, 8), (2, 3, 6, 8)]),
    ("F.avg_pool1d(x, 3, 2)", "F.adaptive_avg_pool1d(x, 4)", "F.max_pool1d(x, 3, 2)", "F.lp_pool1d(x, 2, 3)",
     "F.interpolate(x, scale_factor=1.7, mode='linear')", "F.pad(x, (2, 3), mode='reflect')",
     "F.pad(x, (2, 3), mode='replicate')", "F.pad(x, (2, 3), mode='circular')", "x.unfold(2, 4, 3)", [(2, 3, 17)]),
    ("F.avg_pool3d(x, 2)", "F.max_pool3d(x, 2)", "F.adaptive_avg_pool3d(x, 3)", "F.adaptive_max_pool3d(x, 3)",
     "F.interpolate(x, (7, 5, 6), mode='trilinear')", "F.interpolate(x, (7, 5, 6))",
     "F.pad(x, (1, 2, 1, 1, 2, 2), mode='reflect')", "F.pad(x, (1, 2, 1, 1, 2, 2), mode='replicate')",
     "F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2)", [(2, 3, 6, 8, 10)]),
    ("F.avg_pool2d(x, 3, 2, 1, True, False)", "F.avg_pool2d(x, 3, 2, 1, True, True, 5)", "F.adaptive_avg_pool2d(x, (4, 3))",
     "F.max_pool2d(x, 3, 2, 1, ceil_mode=True)", "F.adaptive_max_pool2d(x, 3)", "F.lp_pool2d(x, 2, 2)",
     "F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)",
     "F.interpolate(x, scale_factor=1.7, mode='bilinear')", "F.interpolate(x, (5, 20), mode='bicubic', align_corners=True)",
     "F.interpolate(x, (5, 20), mode='bilinear', antialias=True)", "F.interpolate(x, (5, 20), mode='nearest')",
     "F.interpolate(x, (5, 20), mode='bicubic', antialias=True)", "F.interpolate(x, (5, 20), mode='nearest-exact')",
     "F.interpolate(x, (5, 20), mode='area')", "F.pad(x, (2, 3, 1, 1), mode='reflect')",
     "F.pad(x, (2, 3, 1, 0), mode='replicate')", "F.unfold(x, (2, 3), 1, 1, 2)", "F.fold(F.unfold(x, 3), (6, 8), 3)",
     "F.channel_shuffle(x.repeat(1, 2, 1, 1), 2)", "F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2)",
     "x.index_add(1, PICK, x, alpha=0.5)", "x.scatter_add(1, PICK[None, :, None, None].expand_as(x), x)",
     "x.scatter_reduce(1, PICK[None, :, None, None].expand_as(x), x, 'mean')",
     "x.scatter_reduce(1, PICK[None, :, None, None].expand_as(x), x, 'amax')",
     "x.scatter_reduce(1, PICK[None, :, None, None].expand_as(x), x, 'prod')",
     "x.gather(1, PICK[None, :, None, None].expand(2, 3, 6, 8))", "x[:, PICK]", "x[torch.tensor([0, 1, 1]), :, PICK]",
     "x.index_select(1, PICK)", "x[x > 0] * 2", "x.index_copy(1, torch.tensor([2, 0, 1]), x * 2)",
     "x.take(torch.tensor([3, 3, 5]))", "torch.put(x, torch.tensor([3, 3, 5]), x.flatten()[:3], accumulate=True)",
     "x.index_put((torch.tensor([0, 1, 1]), PICK), x[0, 0, 0], accumulate=True)",
     "F.embedding(BAGS, x[0, 0], padding_idx=1)", "F.embedding_bag(BAGS, x[0, 0], mode='mean')",
     "F.embedding_bag(BAGS, x[0, 0], mode='max')",
     "F.embedding_bag(BAGS, x[0, 0], per_sample_weights=x[1, 0, :2, :4], mode='sum')",
     "x.amax((1, 2))", "x.max(2)[0]", "x.min()", "x.logsumexp((1, 2))", "x.std((1, 2))", "x.var(1, correction=0)",
     "x.sort(2)[0]", "x.topk(3, 2)[0]", "x.median(2)[0]", "x.kthvalue(2, 3)[0]", "torch.quantile(x[0, 0], 0.3)",
     "x.nanmean()", "x.norm(1)", "x.norm(2, (1, 2))", "F.normalize(x)", "F.cosine_similarity(x, x * 1.1 + 1)",
     "F.pairwise_distance(x, x.flip(1))", "torch.dist(x, x.flip(1))", "x[0, 0].trace()", "x.diff()",
     "torch.einsum('nchw,nchk->nwk', x, x)", "torch.outer(x[0, 0, 0], x[0, 0, 1])",
     "torch.cross(x[:, :, :3], x[:, :, 3:], dim=2)", "torch.addbmm(x[0, 0, :, :6], x[0, :, :, :6], x[1, :, :6, :6])",
     "torch.baddbmm(x[0, :, :, :6], x[0, :, :, :6], x[1, :, :6, :6], alpha=0.5)",
     "torch.addr(x[0, 0], x[0, 0, :, 0], x[0, 0, 0], beta=0.5)",
     "x.cumsum(1)", "x.cumprod(2)", "x.cummax(3)[0]", "x.prod(1)", "x.prod()", "x.norm(3, 1)", "torch.std_mean(x, 2)[0]",
     "torch.nanmedian(x, 2)[0]", "x.mode(1)[0]", "x.histc(5) + 0 * x[0, 0, 0, :5]", "x.abs() ** 1.5", "x ** 3", "2.5 ** x",
     "x.abs() ** x.flip(1)", "torch.atan2(x, x.flip(1))", "torch.hypot(x, x.flip(1))", "F.local_response_norm(x, 3)",
     "torch.bincount(PICK, x[0, 0, 0, :3].detach()) + 0 * x[0, 0, 0, :3]", "torch.var_mean(x, 1)[1]",
     "F.softshrink(x)", "x.clamp(-0.5, 0.7)", "F.hardtanh(x)", "F.softplus(x, 2.0, 3.0)", "F.celu(x, 1.3)", "F.selu(x)",
     "F.elu(x, 0.7)", "F.hardswish(x)", "F.hardsigmoid(x)", "F.mish(x)", "F.silu(x)", "F.gelu(x)",
     "F.gelu(x, approximate='tanh')", "F.glu(x, 3)", "F.logsigmoid(x)", "F.softsign(x)", "F.tanhshrink(x)",
     "F.threshold(x, 0.1, 0.2)", "F.relu_(x * 1)", "F.leaky_relu(x, 0.2)", "F.relu6(x)",
     "torch.lerp(x, x * 2, 0.3)", "x.abs().sqrt()", "x.abs().log1p()", "torch.logaddexp(x, x.flip(1))", "x.remainder(0.7)",
     "torch.maximum(x, x.flip(1))", "torch.fmin(x, x.flip(1))", "torch.xlogy(x, x.abs())", "x.logit(0.1)",
     "torch.addcdiv(x, x, x.abs() + 1, value=0.3)", "torch.addcmul(x, x, x, value=0.3)", "x.softmax(1)",
     "x.log_softmax(1)", "F.mse_loss(x, x * 0.5)", "F.smooth_l1_loss(x, x * 0.5, beta=0.4)", "F.huber_loss(x, x * 0.5 + 1)",
     "F.l1_loss(x, x * 0.5)", "F.binary_cross_entropy_with_logits(x, x.sigmoid(), pos_weight=x.detach().exp())",
     "F.binary_cross_entropy(x.sigmoid(), x.sigmoid() * 0.5, weight=x.detach().exp())",
     "F.kl_div(F.log_softmax(x, 1), x.softmax(1), reduction='batchmean')", "F.poisson_nll_loss(x, x.abs())",
     "F.gaussian_nll_loss(x, x * 2, x.abs() + 0.1)", "F.margin_ranking_loss(x, x * 2, x.detach().sign())",
     "F.hinge_embedding_loss(x, x.detach().sign())", "F.soft_margin_loss(x, x.detach().sign())",
     "F.triplet_margin_loss(x, x * 2, x.flip(1))", "F.cross_entropy(x, x.argmax(1), label_smoothing=0.1)",
     "F.cross_entropy(x, x.detach().softmax(1))", "F.nll_loss(x, x.argmax(1), ignore_index=1, reduction='none')",
     [(2, 3, 6, 8)]),
) for code in codes]


def compute(code, inputs, dtype):
    """The result and the gradients of its sum by the inputs, which are converted to dtype."""
    leaves = [t.to(dtype, copy=True).requires_grad_() for t in inputs]
    out = eval(code, globals(), dict(zip("xwb", leaves)))  # noqa: S307, the code is above
    return [out.detach(), *(g for g in torch.autograd.grad(out, leaves, torch.ones_like(out)) if g is not None)]


@pytest.mark.parametrize("code, shapes", CASES, ids=[c[0] for c in CASES])
def test_values_and_bits(code, shapes):
    torch.manual_seed(1)
    inputs = [torch.randn(shape) for shape in shapes]
    results = []
    for threads, isa in ((1, "generic"), (2, eadem.isas[-1])):
        ops.configure(threads=threads, isa=isa)
        torch.set_num_threads(threads)
        with et.reproducible():
            results.append(compute(code, inputs, torch.float32))
    ops.configure(threads=0, isa="")
    for ours, again, exact in zip(*results, compute(code, inputs, torch.float64)):
        assert et.digest(ours) == et.digest(again)
        torch.testing.assert_close(ours.double(), exact, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("kind, options", [(torch.optim.SGD, {"momentum": 0.9, "nesterov": True}), (torch.optim.SGD, {}),
                                           (torch.optim.Adam, {"amsgrad": True}), (torch.optim.AdamW, {}), (torch.optim.Adagrad, {})])
def test_fused_optimisers(kind, options):
    torch.manual_seed(1)
    start, grads = torch.randn(7, 5), [torch.randn(7, 5) for _ in range(3)]
    results = []
    for fused, dtype in ((True, torch.float32), (False, torch.float64)):
        parameter = torch.nn.Parameter(start.to(dtype, copy=True))
        optimizer = kind([parameter], lr=0.1, weight_decay=0.01, fused=fused, **options)
        for grad in grads:
            parameter.grad = grad.to(dtype, copy=True)
            if fused:
                with et.reproducible():
                    optimizer.step()
            else:
                optimizer.step()
        results.append(parameter.detach().double())
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-6)


def test_draws():
    with et.reproducible():
        weights = torch.tensor([[1.0, 0.0, 3.0], [0.0, 2.0, 0.0]])
        picked = torch.multinomial(weights, 4000, replacement=True)
        assert picked.shape == (2, 4000) and (picked[1] == 1).all() and abs((picked[0] == 2).float().mean() - 0.75) < 0.03
        assert sorted(torch.multinomial(torch.ones(9), 9).tolist()) == list(range(9))
        waits = torch.empty(4000).exponential_(2.0)
        assert (waits > 0).all() and abs(waits.mean() - 0.5) < 0.03
        assert abs(torch.empty(4000).log_normal_(0.5, 0.1).log().mean() - 0.5) < 0.01


def test_float_types_below_32_bits_are_storage():
    x = torch.randn(4, 33, dtype=torch.bfloat16)
    with et.reproducible():
        for code in ("F.layer_norm(x, (33,))", "F.gelu(x)", "F.relu_(x * 1)", "x.amax(1)", "x.softmax(1)",
                     "torch.addcmul(x, x, x)"):
            narrow, wide = eval(code, globals(), {"x": x}), eval(code, globals(), {"x": x.float()})  # noqa: S307
            assert narrow.dtype == torch.bfloat16 and torch.equal(narrow, wide.bfloat16()), code


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_unique_along_a_dimension(dim, dtype):
    """PyTorch's own values, inverse and counts, ties included, and the same bits each time, whatever the threads and kernels."""
    generator, digests = torch.Generator().manual_seed(4), []
    x = torch.randint(-1, 2, (40, 3, 30), generator=generator).to(dtype)
    x[7] = x[3]
    x[:, :, 5] = x[:, :, 2]
    expected = torch.unique(x, dim=dim, return_inverse=True, return_counts=True)
    runs = torch.unique_consecutive(x, dim=dim, return_inverse=True, return_counts=True)
    for threads, isa in ((1, "generic"), (2, eadem.isas[-1]), (2, eadem.isas[-1])):
        ops.configure(threads=threads, isa=isa)
        with et.reproducible():
            ours = torch.unique(x, dim=dim, return_inverse=True, return_counts=True)
            assert torch.equal(torch.unique(x, dim=dim), expected[0])
            assert all(torch.equal(a, b) for a, b in zip(
                torch.unique_consecutive(x, dim=dim, return_inverse=True, return_counts=True), runs))
        assert all(torch.equal(a, b) for a, b in zip(ours, expected))
        digests.append([et.digest(t) for t in ours])
    ops.configure(threads=0, isa="")
    assert digests[0] == digests[1] == digests[2]
