"""Networks as their authors publish them, from packages that the project itself never needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn


@cache
def _torchvision_operators() -> torch.library.Library:
    """Entries for the two operators that torchvision describes while it is imported.

    Its compiled operators belong to one build of torch. None of the networks here calls one.
    """
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
    return library


def package(name: str) -> ModuleType:
    """A package of networks; the test is skipped without it, unless REQUIRE_NETWORKS is set."""
    if name in ("torchvision", "timm"):  # timm imports torchvision
        try:
            import_module("torchvision.extension")
        except RuntimeError:
            _torchvision_operators()
        except ImportError:
            pass
    if os.environ.get("REQUIRE_NETWORKS"):
        return import_module(name)
    return pytest.importorskip(name, exc_type=ImportError)


Builder = Callable[[], nn.Module]


def _torchvision(name: str, family: str = "models", **settings: Any) -> Builder:
    def build() -> nn.Module:
        package("torchvision")
        models = import_module(f"torchvision.{family}")
        return getattr(models, name)(weights=None, **settings)

    return build


def _timm(name: str, **settings: Any) -> Builder:
    return lambda: package("timm").create_model(name, pretrained=False, **settings)


def _monai(name: str, **settings: Any) -> Builder:
    def build() -> nn.Module:
        package("monai")
        return getattr(import_module("monai.networks.nets"), name)(**settings)

    return build


NETWORKS: dict[str, tuple[Builder, tuple[int, int, int]]] = {
    "alexnet": (_torchvision("alexnet"), (3, 128, 288)),
    "vgg16": (_torchvision("vgg16", init_weights=False), (3, 96, 256)),
    "squeezenet": (_torchvision("squeezenet1_1"), (3, 96, 256)),
    "googlenet": (_torchvision("googlenet", init_weights=False), (3, 96, 320)),
    "inception_v3": (_torchvision("inception_v3", init_weights=False), (3, 128, 320)),
    "resnet50": (_torchvision("resnet50"), (3, 96, 320)),
    "densenet121": (_torchvision("densenet121"), (3, 96, 320)),
    "shufflenet_v2": (_torchvision("shufflenet_v2_x1_0"), (3, 96, 320)),
    "mobilenet_v2": (_torchvision("mobilenet_v2"), (3, 96, 320)),
    "efficientnet_b0": (_torchvision("efficientnet_b0"), (3, 96, 256)),
    "convnext_tiny": (_torchvision("convnext_tiny"), (3, 96, 320)),
    "swin_tiny": (_torchvision("swin_t"), (3, 112, 224)),
    "deeplab_v3": (
        _torchvision("deeplabv3_resnet50", "models.segmentation", weights_backbone=None),
        (3, 96, 320),
    ),
    "hrnet": (_timm("hrnet_w18_small"), (3, 96, 256)),
    "deep_layer_aggregation": (_timm("dla34"), (3, 96, 320)),
    "res2net": (_timm("res2net50_26w_4s"), (3, 96, 320)),
    "fasternet": (_timm("fasternet_t0"), (3, 96, 320)),
    "maxxvit": (_timm("maxxvitv2_nano_rw_256", img_size=(128, 256)), (3, 128, 256)),
    "mobilevit": (_timm("mobilevit_s"), (3, 96, 256)),
    "davit": (_timm("davit_tiny"), (3, 112, 224)),
    "nest": (_timm("nest_tiny", img_size=128), (3, 128, 128)),
    "unet": (
        _monai(
            "UNet",
            spatial_dims=2,
            in_channels=1,
            out_channels=2,
            channels=(8, 16, 32),
            strides=(2, 2),
            num_res_units=2,
            norm="batch",
        ),
        (1, 96, 128),
    ),
    "attention_unet": (
        _monai(
            "AttentionUnet",
            spatial_dims=2,
            in_channels=1,
            out_channels=2,
            channels=(8, 16, 32),
            strides=(2, 2),
        ),
        (1, 96, 128),
    ),
    "highresnet": (_monai("HighResNet", spatial_dims=2, norm_type="batch"), (1, 96, 128)),
    "vnet": (_monai("VNet", spatial_dims=2), (1, 96, 128)),
}

BLOCKS = {"maxxvit": ("stages.0.blocks.0", "stages.1.blocks.0"), "swin_tiny": ("features.1.1",)}
"""Whole blocks that are looked at besides: with attention over grids and over shifted windows."""
