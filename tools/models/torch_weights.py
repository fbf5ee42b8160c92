"""Reads the weights of a torch checkpoint in the legacy format (before torch 1.6) with only numpy.

The file is five pickles, then the storages, each a count and its raw numbers. Unpickling is limited to the classes of a
state dict, so an untrusted file cannot run code.
"""
import collections
import pathlib
import pickle
import struct

import numpy as np

STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class Storage:
    def __init__(self, dtype: np.dtype):
        self.dtype = dtype
        self.numbers = np.empty(0, dtype)  # filled once the pickles are read


class Tensor:
    """The arguments of torch's _rebuild_tensor_v2: a view of a storage."""

    def __init__(self, storage: Storage, offset: int, shape: tuple, strides: tuple, *_):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> np.ndarray:
        numbers = self.storage.numbers[self.offset:]
        if not self.shape:
            return numbers[0]
        strides = [step * numbers.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(numbers, self.shape, strides).copy()


class StateDictUnpickler(pickle.Unpickler):
    def __init__(self, file):
        super().__init__(file)
        self.storages: dict[str, Storage] = {}

    def persistent_load(self, pid):
        _, dtype, key, *_ = pid
        return self.storages.setdefault(key, Storage(dtype))

    def find_class(self, module, name):
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return Tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        raise pickle.UnpicklingError(f"a state dict does not contain {module}.{name}")


def load(path: pathlib.Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        for _ in range(3):  # magic number, protocol version, the machine's sizes
            StateDictUnpickler(file).load()
        unpickler = StateDictUnpickler(file)
        tensors = unpickler.load()
        for key in StateDictUnpickler(file).load():  # the order of the storages
            storage = unpickler.storages[key]
            (count,) = struct.unpack("<q", file.read(8))
            storage.numbers = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
    return {name: tensor.array() for name, tensor in tensors.items() if isinstance(tensor, Tensor)}
