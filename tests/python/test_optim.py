"""Optimisers by number, clipping and schedules against PyTorch in binary64; averages; a training that is interrupted and
resumed against one that is not."""
import ctypes
import math
import random

import pytest
import torch
from peer import double, int64, pointers, read
from test_values import LIBRARY, DLTensor, context, near  # noqa: F401 (a fixture)

RULES = ["NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Lion"]


class UpdateOptions(ctypes.Structure):
    _fields_ = [("rule", ctypes.c_int)] + [(name, ctypes.c_double) for name in (
        "lr", "beta1", "beta2", "eps", "weight_decay", "momentum", "momentum_decay", "lr_decay")] + [
        (name, ctypes.c_int) for name in ("centered", "decoupled", "maximize")]


class Schedule(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("lr", ctypes.c_double), ("steps", ctypes.c_int64), ("gamma", ctypes.c_double),
                ("milestones", ctypes.POINTER(ctypes.c_int64)), ("milestone_count", ctypes.c_int),
                ("min_lr", ctypes.c_double), ("multiply", ctypes.c_int64), ("start", ctypes.c_double),
                ("end", ctypes.c_double), ("power", ctypes.c_double), ("rise", ctypes.c_double),
                ("divide", ctypes.c_double), ("divide_end", ctypes.c_double), ("warmup", ctypes.c_int64)]


class Plateau(ctypes.Structure):
    _fields_ = [("lr", ctypes.c_double), ("factor", ctypes.c_double), ("patience", ctypes.c_int64),
                ("cooldown", ctypes.c_int64), ("threshold", ctypes.c_double), ("min_lr", ctypes.c_double),
                ("maximise", ctypes.c_int), ("started", ctypes.c_int), ("best", ctypes.c_double),
                ("bad", ctypes.c_int64), ("cooling", ctypes.c_int64)]


class Parameter(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 128), ("value", ctypes.POINTER(DLTensor)),
                ("grad", ctypes.POINTER(DLTensor)), ("has_grad", ctypes.c_int)]


for function in ("ea_optimizer_state", "ea_module_parameter", "ea_average_state"):
    getattr(LIBRARY, function).restype = ctypes.POINTER(Parameter)
for function in ("ea_optimizer_update", "ea_nn_linear", "ea_average_create"):
    getattr(LIBRARY, function).restype = ctypes.c_void_p
LIBRARY.ea_schedule_lr.restype = LIBRARY.ea_plateau_step.restype = ctypes.c_double
LIBRARY.ea_update_state.restype = ctypes.c_char_p


class Lion(torch.optim.Optimizer):
    """Chen et al., 2023, program 2."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state.setdefault(p, torch.zeros_like(p))
                (first, second), g = group["betas"], -p.grad if group["maximize"] else p.grad
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * (first * m + (1 - first) * g).sign())
                m.mul_(second).add_((1 - second) * g)


def peer_of(rule, options):
    """torch's optimiser with the same options under its own names."""
    kept = {k: v for k, v in options.items() if k in ("weight_decay", "maximize", "lr", "eps")}
    if rule in ("NAdam", "RAdam", "Adamax", "Lion"):
        kept["betas"] = options.get("beta1", 0.9), options.get("beta2", 0.99 if rule == "Lion" else 0.999)
    if rule in ("NAdam", "RAdam"):
        kept["decoupled_weight_decay"] = bool(options.get("decoupled"))
    if rule == "NAdam":
        kept["momentum_decay"] = options.get("momentum_decay", 4e-3)
    if rule == "RMSprop":
        kept |= {"alpha": options.get("beta2", 0.99), "momentum": options.get("momentum", 0),
                 "centered": bool(options.get("centered"))}
    if rule == "Adagrad":
        kept["lr_decay"] = options.get("lr_decay", 0)
    if rule == "Adadelta":
        kept["rho"] = options.get("beta2", 0.9)
    if rule == "Lion":
        kept.pop("eps", None)
        return lambda params: Lion(params, **kept)
    return lambda params: getattr(torch.optim, rule)(params, **kept)


def random_options(rule):
    options = {"lr": random.choice([0.01, 0.1])}
    choices = {"weight_decay": [0.1, 0.3], "maximize": [True], "eps": [1e-4], "beta1": [0.5, 0.8], "beta2": [0.7, 0.95],
               "momentum": [0.5], "centered": [True], "decoupled": [True], "lr_decay": [0.1], "momentum_decay": [0.2]}
    if rule == "Lion":
        choices.pop("eps")
    for name, values in choices.items():
        if random.random() < 0.4:
            options[name] = random.choice(values)
    if rule == "RMSprop" and options.get("centered"):
        options["eps"] = 1e-2  # the difference of nearly equal numbers under the root
    return options


@pytest.mark.parametrize("rule", RULES)
def test_rules(context, rule):
    for _ in range(8):
        options = random_options(rule)
        settings = UpdateOptions(rule=RULES.index(rule), **options)
        count = next(i for i in range(4) if not LIBRARY.ea_update_state(ctypes.byref(settings), i))
        param = torch.randn(1500)
        exact = torch.nn.Parameter(param.double())
        peer, product = peer_of(rule, options)([exact]), double(1)
        states = [torch.zeros(1500) for _ in range(count)]
        for step in range(1, 13):
            grad = torch.randn(1500)
            exact.grad = grad.double()
            peer.step()
            context.call("ea_update", settings, int64(step), grad, param, pointers(states), ctypes.byref(product))
        if rule == "Lion":  # a sign near 0 may differ
            assert ((param - exact).abs() < 1e-4).double().mean() > 0.995
        else:
            near(param, exact, 3000)


def rates(peer, steps):
    """The rates of torch's scheduler made by peer(optimizer)."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    scheduler = peer(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


S = torch.optim.lr_scheduler
MILESTONES = (ctypes.c_int64 * 3)(3, 9, 20)
SCHEDULES = [
    ({"kind": 1, "steps": 7, "gamma": 0.3}, lambda o: S.StepLR(o, 7, 0.3)),
    ({"kind": 2, "gamma": 0.5, "milestones": MILESTONES, "milestone_count": 3}, lambda o: S.MultiStepLR(o, [3, 9, 20], 0.5)),
    ({"kind": 3, "gamma": 0.93}, lambda o: S.ExponentialLR(o, 0.93)),
    ({"kind": 3, "gamma": 1.07}, lambda o: S.ExponentialLR(o, 1.07)),
    ({"kind": 4, "steps": 40, "min_lr": 0.01}, lambda o: S.CosineAnnealingLR(o, 40, 0.01)),
    ({"kind": 5, "steps": 6, "min_lr": 0.02}, lambda o: S.CosineAnnealingWarmRestarts(o, 6, 1, 0.02)),
    ({"kind": 5, "steps": 5, "multiply": 2}, lambda o: S.CosineAnnealingWarmRestarts(o, 5, 2)),
    ({"kind": 6, "steps": 40}, lambda o: S.OneCycleLR(o, 0.4, 40)),
    ({"kind": 6, "steps": 40, "rise": 0.5, "divide": 10, "divide_end": 100},
     lambda o: S.OneCycleLR(o, 0.4, 40, pct_start=0.5, div_factor=10, final_div_factor=100)),
    ({"kind": 7, "steps": 12, "start": 0.2, "end": 0.9}, lambda o: S.LinearLR(o, 0.2, 0.9, 12)),
    ({"kind": 8, "steps": 30, "power": 1.7}, lambda o: S.PolynomialLR(o, 30, 1.7)),
    ({"kind": 0, "warmup": 10}, lambda o: S.LinearLR(o, 0.1, 1, 9)),
]


@pytest.mark.parametrize("settings, peer", SCHEDULES)
def test_schedules(settings, peer):
    schedule = Schedule(lr=0.4, **settings)
    for step, expected in enumerate(rates(peer, 39)):
        assert math.isclose(LIBRARY.ea_schedule_lr(ctypes.byref(schedule), int64(step)), expected, rel_tol=1e-9, abs_tol=1e-12)


def test_warmup_comes_before_the_schedule():
    plain, warm = Schedule(kind=4, lr=0.4, steps=20), Schedule(kind=4, lr=0.4, steps=20, warmup=4)
    lr = [LIBRARY.ea_schedule_lr(ctypes.byref(warm), int64(t)) for t in range(12)]
    assert lr[:4] == [0.1, 0.2, 0.4 * 3 / 4, 0.4]
    assert lr[4:] == [LIBRARY.ea_schedule_lr(ctypes.byref(plain), int64(t)) for t in range(8)]


@pytest.mark.parametrize("maximise", [0, 1])
def test_plateau(maximise):
    random.seed(4)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    peer = S.ReduceLROnPlateau(optimizer, "max" if maximise else "min", 0.5, 2, 0.01, cooldown=1, min_lr=0.02)
    plateau = Plateau(lr=0.4, factor=0.5, patience=2, cooldown=1, threshold=0.01, min_lr=0.02, maximise=maximise)
    for _ in range(60):
        value = random.uniform(0.9, 1.1)
        peer.step(value)
        assert LIBRARY.ea_plateau_step(ctypes.byref(plateau), double(value)) == optimizer.param_groups[0]["lr"]


def linear(context, seed):
    """A linear module with random parameters."""
    torch.manual_seed(seed)
    module = ctypes.c_void_p(LIBRARY.ea_nn_linear(context.handle, int64(37), int64(19), None))
    for i in range(2):
        write(LIBRARY.ea_module_parameter(module, i).contents.value, torch.randn([[19, 37], [19]][i]))
    return module


def write(place, tensor):
    ctypes.memmove(place.contents.data, tensor.contiguous().data_ptr(), tensor.numel() * tensor.element_size())


def give_gradients(module, seed):
    torch.manual_seed(seed)
    for i in range(2):
        parameter = LIBRARY.ea_module_parameter(module, i).contents
        write(parameter.grad, torch.randn([[19, 37], [19]][i]))
        parameter.has_grad = 1


def states_of(optimizer):
    """Every state's bytes."""
    found, index = [], 0
    while state := LIBRARY.ea_optimizer_state(optimizer, index):
        tensor = state.contents.value.contents
        count = math.prod(tensor.shape[d] for d in range(tensor.ndim))
        found.append(ctypes.string_at(tensor.data, count * tensor.bits // 8))
        index += 1
    return found


@pytest.mark.parametrize("rule", RULES)
def test_resumes_bit_for_bit(context, rule):
    settings = UpdateOptions(rule=RULES.index(rule), lr=0.1, momentum=0.5, centered=1, weight_decay=0.01)

    def optimizer_of(module):
        return ctypes.c_void_p(LIBRARY.ea_optimizer_update(context.handle, module, ctypes.byref(settings)))

    def train(module, optimizer, steps):
        for step in steps:
            give_gradients(module, step)
            assert LIBRARY.ea_optimizer_step(optimizer) == 0

    whole = linear(context, 1)
    whole_optimizer = optimizer_of(whole)
    train(whole, whole_optimizer, range(9))
    first = linear(context, 1)
    first_optimizer = optimizer_of(first)
    train(first, first_optimizer, range(4))
    second = linear(context, 2)
    second_optimizer = optimizer_of(second)
    for i, state in enumerate(states_of(first_optimizer)):
        ctypes.memmove(LIBRARY.ea_optimizer_state(second_optimizer, i).contents.value.contents.data, state, len(state))
    for i in range(2):
        write(LIBRARY.ea_module_parameter(second, i).contents.value, read(LIBRARY.ea_module_parameter(first, i).contents.value.contents))
    train(second, second_optimizer, range(4, 9))
    assert states_of(second_optimizer) == states_of(whole_optimizer)
    for i in range(2):
        assert torch.equal(*(read(LIBRARY.ea_module_parameter(m, i).contents.value.contents) for m in (whole, second)))


def gradients(module):
    return [read(LIBRARY.ea_module_parameter(module, i).contents.grad.contents) for i in range(2)]


def test_clipping(context):
    module = linear(context, 3)
    optimizer = ctypes.c_void_p(LIBRARY.ea_optimizer_update(context.handle, module, ctypes.byref(UpdateOptions(lr=0.1))))
    for limit in (1.0, 1e6):
        give_gradients(module, 5)
        exact = [torch.nn.Parameter(g.double()) for g in gradients(module)]
        for p in exact:
            p.grad = p.detach().clone()
        expected, norm = torch.nn.utils.clip_grad_norm_(exact, limit), double(0)
        assert LIBRARY.ea_optimizer_clip_norm(optimizer, double(limit), ctypes.byref(norm)) == 0
        assert math.isclose(norm.value, expected.item(), rel_tol=1e-6)
        for got, p in zip(gradients(module), exact):
            near(got, p.grad, 100)
    give_gradients(module, 5)
    before = gradients(module)
    assert LIBRARY.ea_optimizer_clip_value(optimizer, double(0.5)) == 0
    for got, g in zip(gradients(module), before):
        assert torch.equal(got, g.clamp(-0.5, 0.5))


def test_average_of_weights(context):
    module = linear(context, 6)
    average = ctypes.c_void_p(LIBRARY.ea_average_create(context.handle, module))
    exact = [read(LIBRARY.ea_module_parameter(module, i).contents.value.contents).double() for i in range(2)]
    for step in range(5):
        torch.manual_seed(step)
        fresh = [torch.randn(19, 37), torch.randn(19)]
        for i in range(2):
            write(LIBRARY.ea_module_parameter(module, i).contents.value, fresh[i])
            exact[i].lerp_(fresh[i].double(), 0.1)
        assert LIBRARY.ea_average_update(average, double(0.9)) == 0
    LIBRARY.ea_average_swap(average)
    for i in range(2):
        near(read(LIBRARY.ea_module_parameter(module, i).contents.value.contents), exact[i], 20)
        assert torch.equal(read(LIBRARY.ea_average_state(average, i).contents.value.contents), fresh[i])
