"""Decoders of one network that a decoding benchmark compares, and the networks that it compares them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator

import numpy as np
from straightforward_graph import straightforward_graph

from onnx_export import Decoder
from onnx_export.packages import import_onnxruntime
from onnx_export.plain_network import plain_network
from srn_core.codec import NeuralField, StoredArray
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec
from srn_core.volume import Geometry

PEAK_EDGE = 2048
CHUNK = 1 << 16
"""Points at a time for all but ours: where the straightforward graph was fastest of 2^13, 2^16 and 2^18."""

NETWORKS: dict[str, NetworkSpec] = {
    "fvsrn latents 128^3": FvSrnSpec((1.0, 1.0, 1.0), 1, (), 0, 1, (128, 128, 128), None, skip=True),
    "fvsrn latents 256^3": FvSrnSpec((1.0, 1.0, 1.0), 1, (), 0, 1, (256, 256, 256), None, skip=True),
    "fvsrn 16 x 32^3, 32 x 4": FvSrnSpec((1.0, 1.0, 1.0), 1, (32,) * 4, 4, 16, (32, 32, 32), None),
    "fvsrn 8 x 24^3, 24 x 3": FvSrnSpec((1.0, 1.0, 1.0), 1, (24,) * 3, 4, 8, (24, 24, 24), None),
    "neurcomp 40 x 6": NeurcompSpec((1.0, 1.0, 1.0), 1, 40, (40,) * 6, True, 30.0),
}
"""The first two are what the default, the pruner "rate", makes of 128^3 and 256^3 voxels, once read and filtered."""


@dataclass(frozen=True)
class Contender:
    """Something that evaluates a network."""

    name: str
    place: str
    """"grid" or "points"."""
    run: Callable[[], Any]
    samples: int


def random_network(spec: NetworkSpec, seed: int = 0) -> NeuralField:
    """A field with weights of about the size that trained ones have; speed does not depend on them."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in spec.shapes().items():
        reach = np.sqrt(3.0 / max(int(np.prod(shape[1:])), 1)) if name.endswith(".weight") else 0.5
        if isinstance(spec, NeurcompSpec) and name.endswith(".weight") and not name.startswith(("first", "output")):
            reach /= spec.omega
        codes = np.round(rng.uniform(-1, 1, shape) * 32767).astype(np.int32)
        arrays[name] = StoredArray(codes, 16, step=float(reach) / 32767)
    edge = max(spec.grid) if isinstance(spec, FvSrnSpec) else 128
    return NeuralField(spec, arrays, Geometry((edge, edge, edge)), "field", "float32", ((-1.0, 1.0),))


def flops(spec: NetworkSpec) -> int:
    """Floating-point operations of the dense layers for one sample: what a share of the peak is counted in."""
    return 2 * sum(
        int(np.prod(shape)) for name, shape in spec.shapes().items() if name.endswith(".weight") and len(shape) == 2
    )


def contenders(
    field: NeuralField, threads: int, edge: int, points: int, provider: str, with_torch: bool
) -> Iterator[Contender]:
    """All ways to evaluate ``field`` on a grid of edge^3 and at random points."""
    axis = np.linspace(-1.0, 1.0, edge)
    rng = np.random.default_rng(1)
    where = rng.uniform(-1, 1, (points, 3)).astype(np.float32)
    decoder = Decoder(field, providers=provider, threads=threads)
    yield Contender("ours", "grid", lambda: decoder.grid(axis, axis, axis), edge**3)
    yield Contender("ours", "points", lambda: decoder.points(where), points)
    yield Contender("straightforward graph", "points", _straightforward(field, threads, provider, where), points)
    if with_torch:
        yield from _torch(field, threads, provider, where)


def chunked(function: Callable[[np.ndarray], Any], where: np.ndarray) -> Callable[[], None]:
    """Runs ``function`` over all points, some at a time."""

    def run() -> None:
        for start in range(0, len(where), CHUNK):
            function(where[start : start + CHUNK])

    return run


def peak_gflops(threads: int, provider: str) -> Callable[[], Any]:
    """A product of two square matrices of edge PEAK_EDGE in ONNX Runtime."""
    import onnx.helper as make
    from onnx import TensorProto

    shape = [PEAK_EDGE, PEAK_EDGE]
    ends = [make.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("a", "b", "c")]
    graph = make.make_graph([make.make_node("MatMul", ["a", "b"], ["c"])], "peak", ends[:2], ends[2:])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=8)
    session = _session(model.SerializeToString(), threads, provider)
    rng = np.random.default_rng(0)
    feed = {name: rng.random(shape, np.float32) for name in "ab"}
    return lambda: session.run(None, feed)


def _straightforward(field: NeuralField, threads: int, provider: str, where: np.ndarray) -> Callable[[], None]:
    network = plain_network(field)
    session = _session(straightforward_graph(network.spec, network.arrays), threads, provider)
    return chunked(lambda part: session.run(None, {"points": part}), where)


def _session(model: bytes, threads: int, provider: str) -> Any:
    from onnx_export.providers import choose

    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return runtime.InferenceSession(model, options, providers=choose(provider)[0])


def _torch(field: NeuralField, threads: int, provider: str, where: np.ndarray) -> Iterator[Contender]:
    import torch

    torch.set_num_threads(threads)
    device = torch.device("cuda" if provider == "cuda" else "cpu")
    function = _torch_function(field, device)
    tensor = torch.from_numpy(where).to(device)

    def run(evaluate: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], None]:
        @torch.no_grad()
        def all_points() -> None:
            for part in tensor.split(CHUNK):
                evaluate(part).cpu()

        return all_points

    yield Contender("torch eager", "points", run(function), len(where))
    try:
        compiled = torch.compile(function, dynamic=False)
        run(compiled)()
    except Exception as error:  # no C++ compiler here, as with most users
        print(f"    torch compiled left out: {type(error).__name__}", flush=True)
        return
    yield Contender("torch compiled", "points", run(compiled), len(where))


def _torch_function(field: NeuralField, device: Any) -> Callable[[Any], Any]:
    """The network as PyTorch's own functions have it."""
    import torch
    from torch.nn.functional import grid_sample, linear

    spec, arrays = plain_network(field)
    held = {name: torch.from_numpy(np.ascontiguousarray(value)).to(device) for name, value in arrays.items()}

    def dense(name: str, values: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return linear(values, held[f"{name}.weight"] * scale, held[f"{name}.bias"])

    def fvsrn(points: torch.Tensor) -> torch.Tensor:
        assert isinstance(spec, FvSrnSpec)
        latents = grid_sample(held["grid"][None], points[None, None, None], padding_mode="border", align_corners=True)
        latents = latents.reshape(spec.features, -1).t()
        if not spec.widths:
            return latents
        angles = [points * (2.0**level * torch.pi) for level in range(spec.frequencies)]
        waves = [wave(angle) for angle in angles for wave in (torch.sin, torch.cos)]
        values = torch.cat([points, *waves, latents], 1)
        for i in range(len(spec.widths)):
            values = dense(f"layer{i}", values)
            values = values / 2 + torch.sin(values) ** 2
        values = dense("output", values)
        return values + latents if spec.skip else values

    def neurcomp(points: torch.Tensor) -> torch.Tensor:
        assert isinstance(spec, NeurcompSpec)
        values = torch.sin(dense("first", points, spec.omega))
        for i in range(len(spec.hidden)):
            if not spec.residual:
                values = torch.sin(dense(f"hidden{i}", values, spec.omega))
                continue
            scale_in, scale_out = spec.block_scales(i)
            inner = torch.sin(dense(f"block{i}.inner", values * scale_in, spec.omega))
            values = scale_out * (values + torch.sin(dense(f"block{i}.outer", inner, spec.omega)))
        return dense("output", values)

    return fvsrn if isinstance(spec, FvSrnSpec) else neurcomp
