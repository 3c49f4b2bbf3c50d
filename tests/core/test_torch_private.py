"""What torch does not document and core uses: each is there, and does what it is used for.

An upgrade of torch that takes one away fails here, with a sentence that says what for it is used.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.undocumented import ROOT, Interface, check

HOME = ROOT / "core/torch_private.py"
LAYER = nn.Conv2d(1, 1, 1)


def _shares_memory(core: Any) -> bool:
    tensor = torch.empty(4, 4, device="meta")
    other = torch.empty(4, 4, device="meta")
    numbers = [core.storage_number(each) for each in (tensor, tensor[1:].T, other)]
    return numbers[0] == numbers[1] != numbers[2]


class _Reported(torch.overrides.TorchFunctionMode):
    calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def _quiet(core: Any) -> bool:
    with _Reported() as mode:
        torch.ones(2).add(1)
        before = mode.calls
        with core.DisableTorchFunction():
            torch.ones(2).add(1)
    return before > 0 and mode.calls == before


def _dispatched(core: Any, *inside: Any) -> int:
    calls = []

    class Mode(core.TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            calls.append(func)
            return func(*args, **(kwargs or {}))

    with Mode():
        for context in inside:
            with context():
                torch.ones(2) + 1
        if not inside:
            torch.ones(2) + 1
    return len(calls)


def _wraps(core: Any) -> bool:
    seen = []

    def look(tensor: torch.Tensor) -> torch.Tensor:
        seen.append(core.is_functorch_wrapper(tensor))
        with core.temporarily_clear_interpreter_stack():
            seen.append(core.is_functorch_wrapper(torch.ones(1) + 1))
        return tensor

    torch.func.vmap(look)(torch.ones(3))
    return seen == [True, False] and not core.is_functorch_wrapper(torch.ones(3))


def _compiles(core: Any) -> bool:
    compiled = torch.compile(LAYER)
    return core.is_compiled(compiled) and core.uncompiled(compiled) is LAYER


def _replaces(core: Any) -> bool:
    outer = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(1))
    core.children_by_name(outer)["0"] = LAYER
    core.own_parameters(outer[1])["weight"] = None
    core.own_buffers(outer[1])["running_mean"] = None
    norm = outer[1]
    return outer[0] is LAYER and norm.weight is None and norm.running_mean is None


def _finds_parts(core: Any) -> bool:
    layer = nn.Conv2d(1, 1, 1)
    layer.compile()
    keys = set(vars(layer))
    return {core.MODULES, *core.TENSORS, core.COMPILED_CALL} <= keys


def _finds_hooks(core: Any) -> bool:
    layer = nn.Conv2d(1, 1, 1)
    layer.register_forward_pre_hook(print)
    layer.register_forward_hook(print, with_kwargs=True, always_call=True)
    layer.register_full_backward_hook(print)
    changed = {key for key, value in vars(layer).items() if value != vars(LAYER)[key]}
    changed -= {*core.TENSORS, core.MODULES, "_is_full_backward_hook"}
    return (
        len(changed) >= 3
        and all(map(core.is_hooks, changed))
        and list(core.pre_hooks(layer).values()) == [print]
    )


def _knows_operators(core: Any) -> bool:
    add, add_ = torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor
    names = [argument.name for argument in core.argument_specs(add)]
    written = [a.name for a in core.argument_specs(add_) if a.alias_info and a.alias_info.is_write]
    return (
        isinstance(add, core.OpOverload)
        and isinstance(add.overloadpacket, core.OpOverloadPacket)
        and core.qualified_name(add.overloadpacket) == "aten::add"
        and names[:2] == ["self", "other"]
        and written == ["self"]
        and (core.is_mutable(add), core.is_mutable(add_)) == (False, True)
    )


def _counts_without_modules(core: Any) -> bool:
    theirs, ours = FlopCounterMode(display=False), core.FlopCounter()
    return isinstance(ours.mod_tracker, type(theirs.mod_tracker))


def _bilinear(core: Any) -> bool:
    seen = []

    class Mode(core.TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            seen.append(func.overloadpacket)
            return func(*args, **(kwargs or {}))

    with Mode(), torch.no_grad():
        nn.Bilinear(2, 2, 2)(torch.ones(1, 2), torch.ones(1, 2))
    return core.TRILINEAR in seen


INTERFACES = {
    "memory": Interface(
        ("torch.UntypedStorage._cdata",),
        "Tensors that share memory are recognized by it, on the meta device too.",
        _shares_memory,
    ),
    "functions": Interface(
        ("torch._C.DisableTorchFunction",),
        "It lets core call torch without that call being followed.",
        _quiet,
    ),
    "dispatch": Interface(
        ("torch.utils._python_dispatch.TorchDispatchMode",),
        "Operators below the layers are counted, followed, and given a generator by it.",
        lambda core: _dispatched(core) > 0,
    ),
    "no dispatch": Interface(
        ("torch.utils._python_dispatch._disable_current_modes",),
        "A trial run touches nothing of the run that is being followed because of it.",
        lambda core: _dispatched(core, core.disable_current_modes) == 0,
    ),
    "transformations": Interface(
        (
            "torch._C._functorch.is_functorch_wrapped_tensor",
            "torch._functorch.pyfunctorch.temporarily_clear_interpreter_stack",
        ),
        "What runs inside torch.func.vmap is followed once, from outside, by it.",
        _wraps,
    ),
    "compiled modules": Interface(
        ("torch._dynamo.eval_frame.OptimizedModule",),
        "A compiled network is analyzed as the module that it was made from (_orig_mod).",
        _compiles,
    ),
    "parts of modules": Interface(
        (),
        "Copies of networks get other layers and weights (_modules, _parameters, _buffers).",
        _replaces,
    ),
    "names of parts": Interface(
        (), "Skeletons of networks are made without their weights by these keys.", _finds_parts
    ),
    "hooks": Interface(
        (),
        "Copies of networks run without their hooks, and fold weight norm (_forward_pre_hooks).",
        _finds_hooks,
    ),
    "operators": Interface(
        ("torch._ops.OpOverload", "torch._ops.OpOverloadPacket"),
        "Operators are named, and what they write to is read from their schema, by it.",
        _knows_operators,
    ),
    "families of layers": Interface(
        (
            "torch.nn.modules.conv._ConvNd",
            "torch.nn.modules.batchnorm._BatchNorm",
            "torch.nn.modules.batchnorm._NormBase",
        ),
        "Weights are drawn anew in every kind of convolution and norm by it.",
        lambda core: (
            isinstance(nn.ConvTranspose1d(1, 1, 1), core.ANY_CONVOLUTION)
            and isinstance(nn.BatchNorm3d(1), core.ANY_BATCH_NORM)
            and isinstance(nn.InstanceNorm1d(1), core.ANY_RUNNING_NORM)
        ),
    ),
    "bilinear layers": Interface(
        ("torch.ops.aten._trilinear",),
        "The multiply-accumulates of a bilinear layer are counted by it.",
        _bilinear,
    ),
    "floating point operations": Interface(
        ("torch.utils.module_tracker.ModuleTracker",),
        "Floating point operations are counted while other threads go backward (mod_tracker).",
        _counts_without_modules,
    ),
}


@pytest.mark.parametrize("name", INTERFACES)
def test_torch_still_has_what_it_does_not_document(name: str) -> None:
    check(INTERFACES[name], "core.torch_private")


def test_a_name_that_is_gone_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch._C, "DisableTorchFunction")
    with pytest.raises(pytest.fail.Exception) as failed:
        check(INTERFACES["functions"], "core.torch_private")
    assert str(failed.value) == (
        f"torch {version('torch')} has no torch._C.DisableTorchFunction any more. "
        "It lets core call torch without that call being followed. Mend core/torch_private.py."
    )


PRIVATE = re.compile(
    r"_cdata|_orig_mod|_modules|_parameters|_buffers|_schema|_qualified_op_name|_C|_ops|_dynamo"
    r"|_functorch|_python_dispatch|_ConvNd|_BatchNorm|_NormBase|_trilinear|_disable_current_modes"
    r"|_compiled_call_impl|_forward\w*_hooks|_backward\w*_hooks|mod_tracker|module_tracker"
)


def private_names(source: str) -> Iterator[str]:
    """The attributes and modules of torch's in a source that torch does not document."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            yield from PRIVATE.findall(node.attr) if PRIVATE.fullmatch(node.attr) else ()
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            yield from filter(PRIVATE.fullmatch, names if node.module.startswith("torch") else ())
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (n for n in [node.value] if PRIVATE.fullmatch(n))


def test_they_stand_in_one_module_alone() -> None:
    assert len(set(private_names(HOME.read_text()))) >= 15
    for folder in ("core", "viz"):
        for file in (ROOT / folder).rglob("*.py"):
            assert file == HOME or not [*private_names(file.read_text())], file


def test_every_dotted_name_is_one_that_the_module_uses() -> None:
    source = HOME.read_text()
    for interface in INTERFACES.values():
        for each in interface.names:
            assert re.search(rf"\b{each.rpartition('.')[2]}\b", source), each


# The count of floating point operations is torch's, and other threads do not notice it.


NETWORK = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3, stride=2))


def gradient() -> torch.Tensor:
    """Of one output to the image, by backpropagation."""
    image = torch.randn(1, 3, 12, 12, requires_grad=True)
    (found,) = torch.autograd.grad(NETWORK(image)[0, 0, 1, 1], [image])
    return found


def test_it_counts_what_torch_counts() -> None:
    image = torch.randn(2, 3, 12, 12)
    with FlopCounterMode(display=False) as theirs:
        NETWORK(image)
    from core.torch_private import FlopCounter

    with FlopCounter() as ours:
        NETWORK(image)
    assert ours.get_total_flops() == theirs.get_total_flops() > 0


def test_another_thread_can_go_backward_meanwhile() -> None:
    from core.torch_private import FlopCounter

    with ThreadPoolExecutor(1) as pool, FlopCounter() as counter:
        assert pool.submit(gradient).result().shape == (1, 3, 12, 12)
    assert counter.get_total_flops() == 0, "that was another thread"


def test_with_torchs_own_it_cannot() -> None:
    with ThreadPoolExecutor(1) as pool, FlopCounterMode(display=False):
        with pytest.raises(RuntimeError, match="leaf node"):
            pool.submit(gradient).result()
