"""PyTorch on any of its devices."""

from typing import Any, cast

import array_api_compat.torch
import numpy as np
import torch

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._arrays import describe, gpu_in_words
from cutedl_xp.backends._base import Backend, BackendUnavailable

_WIDER = {torch.uint16: torch.int32, torch.uint32: torch.int64, torch.uint64: torch.int64}


class TorchBackend(Backend):
    """PyTorch tensors, without automatic differentiation: the layers have their own derivatives."""

    name = "torch"
    xp = cast(Namespace, array_api_compat.torch)
    version = str(torch.__version__)

    def __init__(self, device: str | None = None) -> None:
        try:
            wanted = torch.device(device) if device is not None else torch.get_default_device()
        except RuntimeError as error:
            raise ValueError(
                f"PyTorch has no device {device!r}; its devices have names such as 'cpu', 'cuda', 'cuda:1' and 'mps'"
            ) from error
        try:
            self.device = torch.empty(0, device=wanted).device  # "cuda" becomes "cuda:0"
        except (AssertionError, NotImplementedError, RuntimeError) as error:
            raise BackendUnavailable(
                f"PyTorch {torch.__version__} cannot use the device {str(wanted)!r} here ({_first_sentence(error)}); "
                "use 'torch:cpu', or install the build of PyTorch for that device"
            ) from error

    def devices(self) -> list[str]:
        gpus = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        named = [gpu_in_words(f"cuda:{index}", gpu.name, gpu.total_memory) for index, gpu in enumerate(gpus)]
        return ["cpu", *named, *["mps"][: torch.backends.mps.is_available()]]

    def owns(self, obj: Any) -> bool:
        tensor = isinstance(obj, torch.Tensor) and not isinstance(obj, torch.masked.MaskedTensor)
        return tensor and obj.device == self.device

    def _from_numpy(self, array: np.ndarray) -> Array:
        # PyTorch has neither tensors with negative strides nor read-only tensors
        shared = np.require(array, requirements=["C", "W"])
        return cast(Array, torch.from_numpy(shared).to(self.device))

    def to_numpy(self, array: Any) -> np.ndarray:
        return cast(np.ndarray, array.detach().cpu().numpy())

    def synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type != "cpu":
            torch.get_device_module(self.device).synchronize()

    @property
    def float32_products(self) -> str:
        try:
            chosen = torch.get_float32_matmul_precision()
        except RuntimeError:  # the newer setting, which is specific to CUDA, is in use
            return f"torch.backends.cuda.matmul.fp32_precision is {torch.backends.cuda.matmul.fp32_precision!r}"
        return "float32" if chosen == "highest" else f"torch.get_float32_matmul_precision() is {chosen!r}"

    def make_computable(self, array: Any) -> Array:
        # PyTorch has few functions for unsigned integers of more than 8 bits
        if array.dtype not in _WIDER:
            return cast(Array, array)
        wider = array.to(_WIDER[array.dtype])
        if array.dtype == torch.uint64 and bool((wider < 0).any()):
            raise ValueError(f"integers must be below 2**63 on PyTorch; got {describe(array)} with larger ones")
        return cast(Array, wider)

    def writable(self, array: Any) -> bool:
        strides = zip(array.shape, array.stride(), strict=True)
        expanded = array.numel() > 1 and any(size > 1 and stride == 0 for size, stride in strides)
        return not expanded and not (array.requires_grad and array.is_leaf)

    def copy(self, array: Any) -> Array:
        return cast(Array, array.detach().clone())  # without the graph of a tensor that requires gradients

    def matmul(self, a: Any, b: Any, out: Any = None) -> Array:
        return cast(Array, torch.matmul(a, b, out=out))


def _first_sentence(error: Exception) -> str:
    return str(error).partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__
