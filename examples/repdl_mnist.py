"""RepDL's MNIST example on Eadem: LeNet-5, two epochs of Adam, the digests that RepDL's README publishes.

    PYTHONPATH=build/python .venv/bin/python examples/repdl_mnist.py     # or after `pip install .`

The program is RepDL's (https://github.com/microsoft/RepDL, examples/mnist_trainig.py) with its package replaced
by eadem.torch.repdl, and MNIST read from data/mnist. It takes under a minute.
"""

import gzip
import pathlib

import numpy as np
import torch

import eadem.torch.repdl as repdl

MNIST = pathlib.Path(__file__).resolve().parent.parent / "data" / "mnist"


def lenet():
    """LeNet-5 for images [n, 1, 28, 28]."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, kernel_size=5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(kernel_size=2, stride=2),
        torch.nn.Conv2d(6, 16, kernel_size=5), torch.nn.ReLU(), torch.nn.MaxPool2d(kernel_size=2, stride=2),
        torch.nn.Flatten(), torch.nn.Linear(16 * 5 * 5, 120), torch.nn.ReLU(), torch.nn.Linear(120, 84),
        torch.nn.ReLU(), torch.nn.Linear(84, 10))


def _idx(name, header):
    with gzip.open(MNIST / name) as file:
        return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=header).copy())


def batches(part, shuffle):
    """A loader of MNIST's "train" or "t10k": images [100, 1, 28, 28] of 0 … 1 and labels [100]."""
    images = _idx(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28).float().div(255)
    labels = _idx(f"{part}-labels-idx1-ubyte.gz", 8).long()
    data = torch.utils.data.TensorDataset(images, labels)
    return torch.utils.data.DataLoader(data, batch_size=100, shuffle=shuffle, num_workers=1)


def train_step(model, optimizer, loss_function, images, labels):
    """One step of training; returns the logits and the loss."""
    output = model(images)
    loss = loss_function(output, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return output, loss


def logits(model, loader):
    """The logits of every image, and the share of them that is right."""
    model.eval()
    outputs, right = [], 0
    with torch.no_grad():
        for images, labels in loader:
            outputs.append(model(images))
            right += (outputs[-1].argmax(1) == labels).sum().item()
    return torch.cat(outputs), right / len(loader.dataset)


def main():
    torch.manual_seed(0)
    model = repdl.from_torch_module(lenet())
    optimizer = repdl.optim.Adam(model.parameters(), lr=0.01)
    loader = batches("train", shuffle=True)
    print(f"Hash of the initial model: {repdl.utils.get_hash(model)}")
    for epoch in range(2):
        for i, (images, labels) in enumerate(loader, 1):
            _, loss = train_step(model, optimizer, repdl.nn.functional.cross_entropy, images, labels)
            if i % 100 == 0:
                print(f"    Epoch [{epoch + 1}/2], Iteration [{i}/{len(loader)}], Loss: {loss.item():.4f}")
    print(f"Hash of the trained model: {repdl.utils.get_hash(model)}")
    outputs, accuracy = logits(model, batches("t10k", shuffle=False))
    print(f"Test accuracy of the model on the 10000 test images: {accuracy}")
    print(f"Hash of the logits: {repdl.utils.get_hash(outputs)}")


if __name__ == "__main__":
    main()
