"""Hostile links and texts on the receptive-field page: always a sentence, never a traceback."""

from __future__ import annotations

import re

import pytest

from tests.viz.features.fields.fields_visit import (
    again,
    cones,
    errors,
    link_of,
    said,
    values,
    visit,
    warned,
)
from viz.choices import network
from viz.features.fields.params import FieldSettings

OWN = {"network": "own"}
MARKUP = "<img src=x onerror=alert(1)> `x` $\\frac{1}{0}$ [a](javascript:x)"


def own(layers: str, **more: str) -> dict[str, str]:
    return OWN | {"layers": layers} | more


IGNORED: dict[str, tuple[dict[str, str], str]] = {
    "a million layers": (own("1000000x[conv3]"), "times must be at most"),
    "a million in two": (own("1000x[1000x[conv3]]"), "`layers` is no network: "),
    "a kernel past all bounds": (own("conv99999999"), "kernel_size must be at most 512"),
    "channels past all bounds": (own("conv3 c99999999999"), "must have at most 9 digits"),
    "a dilation past all bounds": (own("conv3 d99999999"), "dilation must be at most"),
    "a negative stride": (own("conv3 s-1"), "stride must be at least 1 (got -1)"),
    "no kernel": (own("conv0"), "kernel_size must be at least 1 (got 0)"),
    "nothing": (own(""), "the notation must have at least one layer"),
    "brackets in brackets": (own("residual[" * 300 + "relu" + "]" * 300), "at most 20 blocks"),
    "parentheses": (own("(" * 1500), "`layers` is no network: "),
    "source in a link": (own("nn.Sequential(" * 40), "`layers` is no network: "),
    "a long text": (own("conv3, " * 1000), "`layers` must have at most 4000 characters"),
    "markup for layers": (own(MARKUP), "`layers` is no network: "),
    "markup for a network": ({"network": MARKUP}, "`network` must be own or an architecture"),
    "an unknown network": ({"network": "resnet51"}, "`network` must be own or an architecture"),
    "a module": ({"network": "module", "module": "os:abort"}, "`network` must be own"),
    "markup for a layer": ({"layer": MARKUP}, "`layer` must be the name of a layer"),
    "an unknown layer": ({"layer": "nosuch"}, "this network has no layer `nosuch`"),
    "dots": ({"layer": "....."}, "this network has no layer `.....`"),
    "a unit outside": ({"layer": "pool4", "unit": "9999.9999"}, "`pool4` has no unit 9999.9999"),
    "a unit just outside": ({"layer": "pool4", "unit": "3.4"}, "has no unit 3.4, only 4×4"),
    "a negative unit": ({"unit": "-1.0"}, "`unit` must be a unit as row.column"),
    "a huge unit": ({"unit": f"{'9' * 300}.1"}, "`unit` must be a unit as row.column"),
    "an axis": ({"axis": "depth"}, "`axis` must be one of height, width"),
    "a switch": ({"zoom": "1"}, "`zoom` must be true or false"),
    "a huge size": ({"input_height": "9" * 300}, "`input_height` must be from 0 to 1024"),
    "a negative size": ({"input_width": "-64"}, "`input_width` must be from 0 to 1024"),
    "channels": ({"in_channels": "1e3"}, "`in_channels` must be a whole number"),
    "a tab": ({"tab": "../secrets"}, "`tab` must be one of layers, "),
    "a comparison": ({"compare": "vgg16,<b>"}, "`compare` must be at most 2 architectures"),
    "too many": ({"compare": "vgg16,vgg11,vgg13"}, "`compare` must be at most 2"),
    "a target": ({"target": "100000"}, "`target` must be from 1 to 512"),
    "a strategy": ({"strategy": "<b>"}, "`strategy` must be one of stack3, "),
    "a picture": ({"picture": "../../etc/passwd"}, "`picture` must be one of"),
    "an unknown name": ({MARKUP: "1", "y" * 5000: "2"}, "is no setting of this page"),
}


@pytest.mark.parametrize("name", IGNORED)
def test_a_part_of_a_link_is_ignored_with_a_sentence(name: str) -> None:
    link, sentence = IGNORED[name]
    at = visit(**link)
    assert sentence in warned(at)
    assert warned(at).startswith("Part of the link was ignored: ")
    assert len(warned(at)) < 1000
    assert cones(at), "the rest of the link is shown"
    assert "?." not in warned(at)
    kept = {param.name for param in FieldSettings.params() if param.name in link_of(at)}
    assert set(link_of(at)) == kept


def test_what_was_ignored_is_told_until_something_changes() -> None:
    at = visit(layer="nosuch", network="four_strided")
    assert "no layer `nosuch`" in warned(again(at))
    at.number_input(key="input_width").set_value(40)
    again(at)
    assert not again(at).warning


OVERFLOW = ", ".join(["conv3 s8 p1"] * 40)
REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "a field past all bounds": (own(OVERFLOW), "Receptive field grows beyond 2^40 pixels"),
    "sizes past all bounds": (own("60x[up2], 60x[conv1 s2]"), "size must be at most 1,048,576"),
    "an empty output": (
        own("conv9, conv9", input_height="8", input_width="8"),
        "kernel\\_size spans 9 pixels",
    ),
    "groups": (own("conv3 g7"), "groups"),
    "no map left for a window": (own("flatten, conv3"), ""),
    "a published one on a pixel": (
        {"network": "alexnet", "input_height": "1", "input_width": "1"},
        "Kernel size can't be greater than actual input size",
    ),
    "skips that do not meet": (
        {"network": "unet", "input_height": "571"},
        "Sizes of tensors must match",
    ),
}


TABS = ("layers", "edit", "depth", "graph", "compare", "reach", "code")


@pytest.mark.parametrize("name, tab", list(zip(REFUSED, TABS, strict=True)))
def test_a_network_that_cannot_be_run_says_why_and_offers_a_way_on(name: str, tab: str) -> None:
    link, sentence = REFUSED[name]
    at = visit(tab=tab, **link)
    assert sentence in warned(at)
    assert "Traceback" not in said(at)
    assert "?." not in said(at)
    assert not cones(at)
    assert (tab == "edit") != ("until the network runs" in said(at))
    published = [button for button in at.main.button if "published input" in button.label]
    assert bool(published) == (link["network"] != "own")
    if published:
        published[0].click()
    else:
        next(b for b in at.main.button if b.label == "Back to the first network").click()
    assert not again(at).warning
    expected = link["network"] if published else network.DEFAULT
    assert values(at)["network"] == expected
    assert bool(cones(at)) == (tab in ("edit", "layers"))


TEXTS: dict[str, tuple[str, str]] = {
    "nearly the megabyte that a session takes": (
        "conv3, " * 130_000,
        "must have at most 2,000 layers",
    ),
    "as many brackets": ("[" * 900_000, "misses a layer here"),
    "nested source": ("nn.Sequential(" * 3000 + ")" * 3000, "too long an expression"),
    "unclosed source": ("nn.Sequential(" * 3000, ""),
    "nested notation": ("residual[" * 3000, "at most 20 blocks"),
    "itself": ("net = nn.Sequential(nn.ReLU())\nnet = nn.Sequential(net, net)", ""),
    "a class that makes itself": (
        "class A(nn.Module):\n    def __init__(self):\n        self.a = A()",
        "",
    ),
    "a call": ("__import__('os').system('true')", "Line 1, column 1"),
    "an attack in a list": ("nn.Sequential(*[nn.ReLU() for _ in range(10**9)])", ""),
    "a power": ("nn.Conv2d(3, 9**9**9, 3)", ""),
    "markup": (MARKUP, ""),
    "markup in source": ("nn.Sequential(nn.Conv2d('<script>alert(1)</script>', 3, 3))", ""),
    "control characters": ("conv3\x00, \x1b[31m", ""),
    "nothing": ("", "at least one layer"),
    "spaces": (" \n\t ", "at least one layer"),
    "Unicode": ("conv３, 雪", ""),
    "a million times": ("1000000x[conv3]", "must be at most"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_typed_text_that_is_no_network_is_refused_and_the_picture_stays(name: str) -> None:
    text, sentence = TEXTS[name]
    at = visit(network="own", layers="conv3 p1, maxpool2")
    before = cones(at)[0]
    at.text_area(key="layers_text").set_value(text)
    again(at)
    assert sentence in errors(at)
    assert errors(at).startswith("This is no network yet. ")
    assert errors(at).endswith(" The picture shows the last one.")
    assert len(errors(at)) < 1000
    assert "?." not in errors(at)
    assert not re.search(r"(?<!\\)[<`$\[]", errors(at)), "a visitor's text is no Markdown"
    assert cones(at)[0]["lines"] == before["lines"]
    assert values(at)["layers"] == "conv3 p1, maxpool2"


def test_a_text_too_long_for_a_link_is_shown_and_the_address_says_less() -> None:
    at = visit(network="own")
    long = ", ".join(["conv3 p1 c16, relu"] * 300)
    at.text_area(key="layers_text").set_value(long)
    again(at)
    assert "too long for a link" in at.info[0].value
    assert len(cones(at)[0]["lines"]) == 301
    assert "layers" not in link_of(at)


def test_an_upload_that_a_link_cannot_carry_is_said() -> None:
    at = visit(picture="upload")
    assert "the pagoda stands in for it" in at.info[0].value
    assert cones(at)[0]["picture"].startswith("data:image/jpeg;base64,")
