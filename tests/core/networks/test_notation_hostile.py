"""Whatever is thrown at the notation: an answer at once, and nothing executed."""

from __future__ import annotations

import builtins
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import SpecError
from core.networks.notation import (
    MAX_CHARACTERS,
    NotationError,
    parse,
    parse_source,
    to_notation,
    to_source,
)
from core.networks.rules import MAX_LAYERS
from tests.core.network_strategies import networks, specs
from tests.core.notation_outcome import RESNET, SOURCE, outcome, refused
from tests.examples import examples


@given(st.text())
def test_any_text_is_a_network_or_an_error(text: str) -> None:
    outcome(text)


@given(st.text(alphabet="convrelumaxpool0123456789xspdcg ,[]|#\n:.-", max_size=80))
def test_any_text_of_the_notation_s_letters(text: str) -> None:
    outcome(text)


@given(st.text(alphabet="n.ReLUConv2d(3,[])=*+-/ \n'\"#:_\\;", max_size=80))
def test_any_text_of_python_s_letters(text: str) -> None:
    outcome(f"nn.{text}")


JUNK = st.sampled_from(
    [
        *("(", ")", "[", "]", ",", "|", ":", "=", "*", "**", "'", '"', "\\", "\n", "\t", "\x00"),
        *("é", "×", "\ud800", "\u2028", "💥", "None", "lambda: 0", "-1", "1e999", "0x1", "9" * 50),
        *("nn.ReLU()", "relu", "3x[", "{}", ":=", "f'{1}'", "'''", "async", "\r", "\f", "...", "#"),
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Valid text with pieces cut out, doubled, or replaced."""
    text = draw(
        st.just(RESNET)
        | st.just(SOURCE)
        | specs().map(to_notation)
        | networks().map(lambda case: to_source(case.spec, case.in_channels, case.size))
    )
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(st.just("") | JUNK | st.just(text[start:end] * 2)) + text[end:]
    return text


@given(mutated())
@example("nn.ReLU(\ud800)")
@example("# \ud800\nnn.ReLU()")
def test_mutated_text(text: str) -> None:
    outcome(text)


LONG = 99_000
DEEP = 20_000
HOSTILE = {
    "1 MB of letters": "a" * 1_000_000,
    "1 MB of source": "nn.ReLU()," * 100_000,
    "a million commas": "," * 1_000_000,
    "a million layers": "relu," * 1_000_000,
    "commas": "," * LONG,
    "one word": "a" * LONG,
    "layers": "relu," * 19_000,
    "lines": "relu\n" * 19_000,
    "source layers": "nn.ReLU()," * 9_000,
    "source statements": "nn.ReLU()\n" * 9_000,
    "brackets": "(" * LONG,
    "square brackets": "[" * LONG,
    "closed brackets": "(" * 49_000 + ")" * 49_000,
    "blocks": "residual[" * 9_000,
    "closed blocks": "residual[" * 9_000 + "relu" + "]" * 9_000,
    "repeats": "2x[" * 30_000 + "relu" + "]" * 9_000,
    "much repeated": "2000x[" * 15 + "relu" + "]" * 15,
    "bars": "concat[" + "|" * LONG + "]",
    "sequentials": "nn.Sequential(" * 7_000,
    "closed sequentials": "nn.Sequential(" * 6_000 + ")" * 6_000,
    "eighty sequentials": "nn.Sequential(" * 80 + "nn.ReLU()" + ")" * 80,
    "minus": "nn.Conv2d(3, " + "-" * DEEP + "1, 3)",
    "sum": "nn.Conv2d(3, " + "1+" * DEEP + "1, 3)",
    "product": "nn.Conv2d(3, " + "9999999*" * 50 + "1, 3)",
    "powers": "nn.Conv2d(3, 9**9**9**9, 3)",
    "attributes": "a" + ".a" * DEEP + "()",
    "calls": "f" + "()" * DEEP,
    "calls with arguments": "f" + "(1,1)" * 15_000,
    "subscripts": "f" + "[0]" * DEEP + "()",
    "assignments": "a=" * DEEP + "nn.ReLU()",
    "strings": "nn.ReLU(" + "'a' " * DEEP + ")",
    "continued lines": "\\\n" * 40_000 + "nn.ReLU()",
    "not": "(" + "not " * DEEP + "1)",
    "lambdas": "(" + "lambda:" * 10_000 + "1)",
    "conditions": "(" + "1 if 1 else " * 8_000 + "1)",
    "indents": "\n".join(" " * n + "nn.ReLU()" for n in range(400)),
    "elifs": "if(1):0\n" + "elif(1):0\n" * 8_000,
    "imports": "import torch\n" * 7_000 + "nn.ReLU()",
    "comments": "#" * LONG,
    "spaces": " " * LONG,
    "new lines": "\n" * LONG,
    "spaces in source": "nn.ReLU(" + " " * LONG + ")",
    "digits": "conv" + "9" * LONG,
    "digits in source": f"nn.Conv2d(3, {'9' * 90_000}, 3)",
    "huge numbers": "nn.Conv2d(3, 999999999999999, 999999999)",
    "exponents": "nn.Dropout(1e999999)",
    "infinity": "nn.Dropout(1e999)",
    "complex": "nn.Dropout(1j)",
    "quotes": "nn.ReLU(" + "'" * 99_001,
    "open string": "nn.ReLU('" + "a" * LONG,
    "repeated keywords": "nn.ReLU(" + "inplace=True," * 7_000 + ")",
    "arguments": "nn.ReLU(" + "1," * 40_000 + ")",
    "a wide tuple": "nn.Conv2d(3, 8, (" + "1," * 40_000 + "))",
    "a deep tuple": "nn.Conv2d(3, 8, " + "(" * 80 + "1" + ",)" * 80 + ")",
    "null bytes": "\x00" * 50_000,
    "null in source": "nn.ReLU(\x00)",
    "surrogates": "\ud800" * 50_000,
    "unicode names": "nn.ReLU(ｉｎｐｌａｃｅ=True), ｎｎ.ReLU()",
    "unicode digits": "conv٣ c٤",
    "right to left": "\u202econv3\u202c(",
    "emoji": "💥" * 25_000,
    "growing when lowered": "İ" * 50_000,
    "self": "net = nn.Sequential(net, net)",
    "self twice": "a = nn.Sequential(b)\nb = nn.Sequential(a)",
    "walrus": "nn.Sequential(a := nn.ReLU(), a)",
    "f-string": "nn.Conv2d(3, 8, 3, padding=f'{open(1)}')",
    "bytes": "nn.Conv2d(3, 8, 3, padding=b'same')",
    "star": "nn.Sequential(*map(nn.ReLU, [1]))",
    "two stars": "nn.ReLU(**{})",
    "decorator": "@nn.ReLU()\ndef f(): 0",
    "await": "await nn.ReLU()",
    "yield": "(yield nn.ReLU())",
    "del": "del(nn)",
    "ellipsis": "nn.Sequential(...)",
    "type": "x: nn.ReLU() = nn.ReLU()",
    "dunder": "nn.ReLU.__class__.__mro__[1].__subclasses__()",
    "getattr": "getattr(nn, 'ReLU')()",
    "another's class": "class Residual(nn.Module):\n    pass\nnn.ReLU()",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_answered_at_once(name: str) -> None:
    outcome(HOSTILE[name], most=1.0)


@pytest.mark.parametrize("value", [None, 3, b"relu", ["relu"], object()])
def test_what_is_no_text_is_refused(value) -> None:
    with pytest.raises(SpecError, match="must be a text"):
        parse(value)


def test_the_limits_themselves_are_read() -> None:
    assert parse("relu," * MAX_LAYERS).size == MAX_LAYERS
    assert parse("nn.ReLU()," * MAX_LAYERS).size == MAX_LAYERS
    assert parse("1x[" + "relu," * MAX_LAYERS + "]").size == MAX_LAYERS
    assert refused("relu," * (MAX_LAYERS + 1)).column == 5 * MAX_LAYERS + 1
    assert refused("nn.ReLU()," * (MAX_LAYERS + 1)).column == 10 * MAX_LAYERS + 1
    assert parse("relu" + " " * (MAX_CHARACTERS - 4)).size == 1
    assert "100,000 characters" in str(refused("relu" + " " * (MAX_CHARACTERS - 3)))


# Nothing is executed

ATTACKS = [
    "__import__('os').system('touch {canary}')",
    "nn.Conv2d(3, 8, __import__('os').system('touch {canary}'))",
    "nn.Sequential(nn.ReLU(), open('{canary}', 'w'))",
    "net = open('{canary}', 'w')",
    "(lambda: open('{canary}', 'w'))()",
    "[open('{canary}', 'w') for _ in 'a']",
    "nn.ReLU(inplace=open('{canary}', 'w'))",
    "nn.ReLU(inplace=f\"{{open('{canary}', 'w')}}\")",
    "import os; os.system('touch {canary}')",
    "from os import system\nsystem('touch {canary}')",
    "import torch; torch.save(1, '{canary}')",
    "nn.Sequential((x := open('{canary}', 'w')), nn.ReLU())",
    "class A:\n    open('{canary}', 'w')\nnn.ReLU()",
    "def f(x=open('{canary}', 'w')): pass\nnn.ReLU()",
    "@open('{canary}', 'w')\nclass A: pass",
    "exec(\"open('{canary}', 'w')\")",
    "nn.ReLU() if open('{canary}', 'w') else 0",
    "x = nn.ReLU(); open('{canary}', 'w')",
    "nn.Conv2d(3, 8, 3)[open('{canary}', 'w')]",
    "relu, __import__('os').system('touch {canary}')",
]


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whatever could run text, or be reached by it, notes its name when it is called."""
    called: list[str] = []
    for owner, name in [
        *((builtins, each) for each in ("eval", "exec", "open")),
        *((os, each) for each in ("system", "popen")),
    ]:
        monkeypatch.setattr(owner, name, lambda *_, name=name, **__: called.append(name))
    return called


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_executed(attack: str, tmp_path, guarded: list[str]) -> None:
    canary = tmp_path / "canary"
    text = attack.format(canary=canary)
    with pytest.raises(NotationError):
        parse(text)
    with pytest.raises(NotationError):
        parse_source(text)
    assert guarded == []
    assert not canary.exists()


@pytest.mark.parametrize("attack", ["__import__('os').system('touch {canary}')", ATTACKS[4]])
def test_the_canary_sings_where_text_is_executed(attack: str, tmp_path) -> None:
    canary = tmp_path / "canary"
    eval(attack.format(canary=canary))
    assert canary.exists()


@given(mutated())
@examples(30)
def test_no_code_is_ever_compiled_to_run(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("eval", "exec", "__import__"):
            patch.setattr(builtins, name, lambda *_, **__: pytest.fail("executed"))
        outcome(text)
