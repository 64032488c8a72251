"""Makes tests/golden/repdl_ops.json: inputs and outputs of Microsoft's RepDL, which contract repdl must equal.

Needs a Python with torch 2.13.0 and RepDL (github.com/microsoft/RepDL, version 0.1.1) whose setup.py has lost its
CUDAExtension and whose repdl/backend/cuda.py is an empty file:

    python setup.py build_ext --inplace
    PYTHONPATH=. python make_repdl_ops.py > repdl_ops.json

Tensors are written as {"shape": [...], "data": little-endian bytes in hexadecimal}.
"""
import json

import repdl
import torch

torch.manual_seed(20)


def pack(tensor):
    tensor = tensor.detach().contiguous()
    return {"shape": list(tensor.shape), "data": tensor.numpy().tobytes().hex()}


def case(op, options=None, **tensors):
    return {"op": op, "options": options or {}, **{name: pack(t) for name, t in tensors.items()}}


def sums():
    x = torch.randn(1100)
    yield case("sum", {"dims": [0]}, x=x, out=repdl.ops.sum1d(x))
    yield case("mean", {"dims": [0]}, x=x, out=repdl.ops.sum1d(x, True))
    x = torch.randn(70, 13)
    for name, average in (("sum", False), ("mean", True)):
        yield case(name, {"dims": [0]}, x=x, out=repdl.ops.sum2d_dim0(x, average=average))
        yield case(name, {"dims": [1]}, x=x, out=repdl.ops.sum2d_dim1(x, average=average))
    x = torch.randn(7, 5, 6, 11)
    for name, average in (("sum", False), ("mean", True)):
        yield case(name, {"dims": [0, 2, 3]}, x=x, out=repdl.ops.sum4d_dim023(x, average=average))


def losses():
    for n, classes, scale in ((100, 10, 1.0), (17, 53, 20.0), (2, 3, 0.01)):
        x = (torch.randn(n, classes) * scale).requires_grad_()
        target = torch.randint(classes, (n,))
        loss = repdl.nn.functional.cross_entropy(x, target)
        grad = torch.randn(())
        loss.backward(grad)
        yield case("cross_entropy", x=x, target=target, out=loss, grad_out=grad, grad_x=x.grad)
        yield case("softmax", x=x, out=repdl.ops.softmax(x.detach()))


def batch_norms():
    for shape in ((4, 3, 5, 3), (5, 4, 6, 5), (1, 2, 3, 4)):
        x = (torch.randn(shape) * 3 + 1).requires_grad_()
        weight = torch.randn(shape[1], requires_grad=True)
        bias = torch.randn(shape[1], requires_grad=True)
        mean, var = torch.randn(shape[1]), torch.rand(shape[1]) + 0.5
        grad = torch.randn(shape)
        for training in (True, False):
            x.grad = weight.grad = bias.grad = None
            out = repdl.nn.functional.batch_norm(x, mean, var, weight, bias, training)
            out.backward(grad)
            yield case("batch_norm", {"training": training}, x=x, weight=weight, bias=bias, running_mean=mean,
                       running_var=var, out=out, grad_out=grad, grad_x=x.grad, grad_weight=weight.grad,
                       grad_bias=bias.grad)
    # With two dimensions RepDL's backward fails while training; its forward is sound.
    x, weight, bias = torch.randn(50, 7), torch.randn(7), torch.randn(7)
    mean, var = torch.randn(7), torch.rand(7) + 0.5
    for training in (True, False):
        out = repdl.nn.functional.batch_norm(x, mean, var, weight, bias, training)
        yield case("batch_norm", {"training": training}, x=x, weight=weight, bias=bias, running_mean=mean,
                   running_var=var, out=out)


def adams():
    for options in ({"lr": 0.01}, {"lr": 0.003, "betas": [0.8, 0.95], "eps": 1e-3},
                    {"lr": 0.01, "weight_decay": 0.1}, {"lr": 0.01, "amsgrad": True}):
        param = torch.randn(37, requires_grad=True)
        before, grads = param.detach().clone(), []
        adam = repdl.optim.Adam([param], **options)
        for _ in range(6):
            param.grad = torch.randn(37)
            grads.append(param.grad.clone())
            adam.step()
        state = adam.state[param]
        yield case("adam", options, param=before, grads=torch.stack(grads), out=param,
                   exp_avg=state["exp_avg"], exp_avg_sq=state["exp_avg_sq"])


def contractions():
    a, b = torch.randn(3, 1100), torch.randn(1100, 2)
    yield case("matmul", a=a, b=b, out=repdl.ops.mm(a, b))
    for groups, stride, padding in ((1, 1, 2), (1, 2, 1), (2, 1, 0)):
        x = torch.randn(2, 4, 8, 7, requires_grad=True)
        weight = torch.randn(6, 4 // groups, 3, 2, requires_grad=True)
        bias = torch.randn(6, requires_grad=True)
        out = repdl.nn.functional.conv2d(x, weight, bias, stride, padding, 1, groups)
        tensors = {"x": x, "weight": weight, "bias": bias, "out": out}
        if groups == 1:  # RepDL has no gradient for groups
            grad = torch.randn_like(out)
            out.backward(grad)
            tensors |= {"grad_out": grad, "grad_x": x.grad, "grad_weight": weight.grad}
        yield case("conv2d", {"stride": stride, "padding": padding, "groups": groups}, **tensors)


cases = [c for make in (sums, losses, batch_norms, adams, contractions) for c in make()]
print(f'{{"torch": "{torch.__version__}", "repdl": "0.1.1", "cases": [')
print(",\n".join(json.dumps(c) for c in cases))
print("]}")
