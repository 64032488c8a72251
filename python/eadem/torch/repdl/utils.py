"""RepDL's digests."""

from eadem.torch.digests import get_hash

__all__ = ["get_hash", "print_hash"]


def print_hash(x):
    """Prints get_hash(x)."""
    print(get_hash(x))
