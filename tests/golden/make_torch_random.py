"""Makes torch_random.json: PyTorch's CPU generator, as outside truth for src/random.

Run:  python tests/golden/make_torch_random.py > tests/golden/torch_random.json
with a PyTorch for the CPU; the file names the version that made it.
"""
import hashlib
import json

import torch


def sha(tensor):
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()


def seeded(seed):
    return torch.Generator().manual_seed(seed)


SEEDS = [0, 1, 5489, 2**32 + 7, 2**64 - 1]
golden = {"made_by": "tests/golden/make_torch_random.py", "torch": torch.__version__, "cases": []}


def case(kind, seed, tensor, **arguments):
    golden["cases"].append({"kind": kind, "seed": str(seed), "n": tensor.numel(), **arguments,
                            "sha256": sha(tensor)})


for seed in SEEDS:
    for n in [0, 1, 2, 15, 16, 17, 623, 624, 625, 100000]:
        case("permutation", seed, torch.randperm(n, generator=seeded(seed)))
    for low, high in [(0, 1), (-0.2, 0.2), (1, 2), (-1e30, 1e-3), (3, 3)]:
        case("uniform", seed, torch.empty(5000).uniform_(low, high, generator=seeded(seed)),
             low=low, high=high)
    for low, high in [(0, 1), (-5, 12), (0, 2**28 - 1), (0, 2**28), (0, 2**32), (-2**62, 2**62),
                      (0, 2**63 - 1)]:
        case("integers", seed,
             torch.empty(3000, dtype=torch.int64).random_(low, high, generator=seeded(seed)),
             low=str(low), high=str(high))
    case("integers32", seed,
         torch.empty(3000, dtype=torch.int32).random_(-100, 2**31 - 1, generator=seeded(seed)),
         low="-100", high=str(2**31 - 1))
    for shape in [(6, 1, 5, 5), (120, 400), (3, 4, 1)]:
        kaiming = torch.empty(shape)
        torch.nn.init.kaiming_uniform_(kaiming, a=5**0.5, generator=seeded(seed))
        case("kaiming_uniform", seed, kaiming, shape=shape)
        xavier = torch.empty(shape)
        torch.nn.init.xavier_uniform_(xavier, gain=5 / 3, generator=seeded(seed))
        case("xavier_uniform", seed, xavier, shape=shape)
    for n in [1, 2, 15]:
        short = torch.empty(n).normal_(1.5, 0.25, generator=seeded(seed))
        case("normal", seed, short, mean=1.5, deviation=0.25)
    many = torch.cat([torch.empty(1).normal_(generator=g) for g in [seeded(seed)]
                      for _ in range(2000)])
    case("normals one by one", seed, many)
    for n in [16, 17, 31, 32, 203]: # PyTorch's vector log and sine round less well: values
        long = torch.empty(n).normal_(-0.5, 2.0, generator=seeded(seed))
        golden["cases"].append({"kind": "normal about", "seed": str(seed), "n": n, "mean": -0.5,
                                "deviation": 2.0, "values": long.tolist()})
    for p in [0.0, 0.25, 0.3, 1.0]:
        case("bernoulli", seed, torch.empty(1000).bernoulli_(p, generator=seeded(seed)), p=p)
    case("exponential", seed, torch.empty(1000).exponential_(1.5, generator=seeded(seed)), rate=1.5)
    weights = torch.tensor([0.0, 3.0, 1.5, 0.0, 0.25, 7.0, 1e-3, 2.0])
    for n in [1, 1000]:
        case("multinomial", seed, torch.multinomial(weights, n, True, generator=seeded(seed)),
             weights=weights.tolist())
    for n in [1, 4]:
        case("multinomial distinct", seed,
             torch.multinomial(weights, n, False, generator=seeded(seed)), weights=weights.tolist())
    dirac = torch.nn.init.dirac_(torch.empty(6, 2, 3, 4), groups=3)
    case("dirac", seed, dirac, shape=dirac.shape)
    case("eye", seed, torch.nn.init.eye_(torch.empty(3, 5)), shape=[3, 5])
    for shape in [(5, 3), (3, 5), (4, 2, 3)]:
        matrix = torch.nn.init.orthogonal_(torch.empty(shape), 1.25, generator=seeded(seed))
        golden["cases"].append({"kind": "orthogonal about", "seed": str(seed), "n": matrix.numel(),
                                "shape": shape, "values": matrix.flatten().tolist()})
    torch.manual_seed(seed) # sparse_ takes its permutations from the global generator always
    sparse = torch.nn.init.sparse_(torch.empty(7, 2), 0.3, 0.5)
    case("sparse", seed, sparse, shape=sparse.shape)
    used = seeded(seed)
    torch.randperm(700, generator=used)
    torch.empty(3, dtype=torch.float64).normal_(generator=used)
    golden["cases"].append({"kind": "state", "seed": str(seed), "state": sha(used.get_state()),
                            "after": sha(torch.randperm(50, generator=used))})
print(json.dumps(golden, indent=1))
