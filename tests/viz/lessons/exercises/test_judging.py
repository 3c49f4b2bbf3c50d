"""Typed answers: what is read, what is not, and what is said to each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.layer import LayerSpec
from viz.lessons.exercises import (
    KINDS,
    LEVELS,
    Question,
    answer_format,
    answer_text,
    judge,
    question,
)
from viz.lessons.exercises.forms import MAX_TEXT, UnreadableAnswer, parse_answer
from viz.lessons.exercises.question import FORMS, Answer, AnswerForm, LayerSubject, ranges_text

SUBJECT = LayerSubject(LayerSpec(), (8, 8))
NONE = "no answer of this form"


def asked(form: AnswerForm, answer: Answer = 0, options: tuple[str, ...] = ()) -> Question:
    return Question("?", form, answer, "so", (), SUBJECT, options=options)


def reading(form: AnswerForm, text: str) -> object:
    options = ("line A", "line B", "line C") if form == "choice" else ()
    try:
        return parse_answer(asked(form, options=options), text)
    except UnreadableAnswer:
        return NONE


@pytest.mark.parametrize(
    "text, value",
    [
        ("9408", 9408), (" 9408 ", 9408), ("9,408", 9408), ("9 408", 9408), ("9\u00a0408", 9408),
        ("9\u202f408", 9408), ("9'408", 9408), ("9’408", 9408), ("9_408", 9408),
        ("1,234,567", 1234567), ("９４０８", 9408), ("٩٤٠٨", 9408), ("9408 parameters", 9408),
        ("28 px", 28), ("28px", 28), ("28.0", 28), ("28.", 28), ("(28)", 28), ("= 28", 28),
        ("-3", -3), ("−3", -3), ("– 3", -3), ("0", 0), ("007", 7), ("28!", 28),
        ("9.4k", NONE), ("9.408", NONE), ("3.5", NONE), ("1e3", NONE), ("about 28", NONE),
        ("28x28", NONE), ("1,23", NONE), ("12,34,567", NONE), ("1 234,567", NONE), ("", NONE),
        ("five", NONE), ("2*3", NONE), ("²", 2), ("½", NONE), ("nan", NONE), ("inf", NONE),
        ("0x1c", NONE), ("9" * 13, NONE), ("1" * 500, NONE),
    ],
)  # fmt: skip
def test_numbers(text: str, value: object) -> None:
    assert reading("number", text) == value


@pytest.mark.parametrize(
    "text, value",
    [
        ("28", (28, 28)), ("28x28", (28, 28)), ("28X28", (28, 28)), ("28 × 28", (28, 28)),
        ("28, 28", (28, 28)), ("28,28", (28, 28)), ("(28,28)", (28, 28)), ("[28, 28]", (28, 28)),
        ("28*28", (28, 28)), ("28 28", (28, 28)), ("28 by 28", (28, 28)), ("28;28", (28, 28)),
        ("２８×２８", (28, 28)), ("28 px × 28 px", (28, 28)), ("torch.Size([28, 28])", (28, 28)),
        ("28х28", (28, 28)), ("112,112", (112, 112)), ("1,023", (1023, 1023)),
        ("28.0", (28, 28)), ("28×14", (28, 14)),
        ("64×28×28", NONE), ("x", NONE), ("28x", NONE), ("28 to 28", NONE), ("3.5", NONE),
    ],
)  # fmt: skip
def test_sides(text: str, value: object) -> None:
    assert reading("side", text) == value


@pytest.mark.parametrize(
    "text, value",
    [
        ("28x14", (28, 14)), ("28, 14", (28, 14)), ("28,14", (28, 14)), ("(28, 14)", (28, 14)),
        ("28 14", (28, 14)), ("28 by 14", (28, 14)), ("112,112", (112, 112)),
        ("28", NONE), ("28,14,3", NONE), ("a×b", NONE), ("28×", NONE),
    ],
)  # fmt: skip
def test_pairs(text: str, value: object) -> None:
    assert reading("pair", text) == value


@pytest.mark.parametrize(
    "text, value",
    [
        ("b", 1), ("B", 1), ("(b)", 1), ("b)", 1), ("B.", 1), ("line B", 1), ("option b", 1),
        ("answer c", 2), ("Ｂ", 1), ("d", NONE), ("ab", NONE), ("2", NONE), ("line", NONE),
    ],
)  # fmt: skip
def test_choices(text: str, value: object) -> None:
    assert reading("choice", text) == value


@pytest.mark.parametrize(
    "text, value",
    [
        ("2, 3, 4", (2, 3, 4)), ("2-4", (2, 3, 4)), ("2–4", (2, 3, 4)), ("2..4", (2, 3, 4)),
        ("2 to 4", (2, 3, 4)), ("2 3 4", (2, 3, 4)), ("4 and 2", (2, 4)), ("{2, 4}", (2, 4)),
        ("0, 2-4, 7", (0, 2, 3, 4, 7)), ("columns 2 to 4", (2, 3, 4)), ("-1, 0, 1", (-1, 0, 1)),
        ("-2 to -1", (-2, -1)), ("none", ()), ("∅", ()), ("[]", ()), ("-", ()), ("２，３", (2, 3)),
        ("3", (3,)), ("3 3", (3,)),
        ("2:5", NONE), ("4-2", NONE), ("0-999999", NONE), ("2.5", NONE), ("a", NONE), ("", NONE),
    ],
)  # fmt: skip
def test_cells(text: str, value: object) -> None:
    assert reading("cells", text) == value


@given(st.sampled_from(list(FORMS)), st.text(max_size=MAX_TEXT + 20))
def test_any_text_is_judged_or_asked_for_again(form: AnswerForm, text: str) -> None:
    options = ("line A", "line B") if form == "choice" else ()
    answer: Answer = 1 if form in ("number", "choice") else (1, 1)
    verdict = judge(asked(form, answer, options), text)
    assert verdict.message[0].isprintable()
    assert verdict.message.endswith((".", ")"))
    assert (verdict.right is None) == (verdict.solution == "")


@given(st.sampled_from(list(FORMS)), st.text("0123456789 ,.-x×(){}[]:'_toand", max_size=40))
def test_what_looks_like_an_answer_never_breaks(form: AnswerForm, text: str) -> None:
    reading(form, text)


@given(st.sets(st.integers(-20, 40), max_size=12))
def test_cells_are_read_as_they_are_shown(cells: set[int]) -> None:
    ordered = tuple(sorted(cells))
    assert reading("cells", ranges_text(ordered)) == ordered


@given(st.integers(-(10**11), 10**11))
def test_numbers_are_read_as_they_are_shown(value: int) -> None:
    assert reading("number", answer_text(asked("number"), value)) == value


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_unreadable_answer_is_told_this_question_s_own_format(kind: str, level: int) -> None:
    for number in range(6):
        one = question(kind, level, 11, number)
        told = answer_format(one)
        for nonsense in ("abc", "1.5", "9.4k", "1:2:3", "5-2", "1×2×3", "Z", "!", " "):
            verdict = judge(one, nonsense)
            assert verdict.right is not None or verdict.message.endswith(f"Type {told}.")
        example = told.rpartition("such as ")[2]
        assert parse_answer(one, example) != one.answer
        if one.form == "number":
            assert one.quantity, "a number is one of something"
            large = one.quantity in ("parameters", "macs")
            assert (len(example) > 2) == large


def test_every_form_has_an_example_that_is_not_the_answer() -> None:
    for form, (_, examples) in FORMS.items():
        options = ("line A", "line B", "line C") if form == "choice" else ()
        for example in examples:
            plain = asked(form, options=options)
            answer = parse_answer(plain, example)
            told = answer_format(asked(form, answer, options))
            assert told.rpartition("such as ")[2] in set(examples) - {example}


def test_giving_up_shows_the_solution() -> None:
    verdict = judge(asked("number", 3), " ? ")
    assert verdict.right is False
    assert "**3**" in verdict.message
    assert verdict.solution == "so"


@pytest.mark.parametrize(
    "form, answer, text, said",
    [
        ("number", 5, "6", "One too many."),
        ("number", 5, "4", "One too few."),
        ("number", 5, "50", "Too large."),
        ("side", (5, 5), "5×6", "the answer is square"),
        ("pair", (5, 7), "5×8", "the width is not"),
        ("pair", (5, 7), "4×7", "the height is not"),
        ("cells", (1, 2, 3), "2-5", "Missing: 1; too many: 4, 5."),
    ],
)
def test_an_unknown_mistake_is_still_told_something(
    form: AnswerForm, answer: Answer, text: str, said: str
) -> None:
    verdict = judge(asked(form, answer), text)
    assert verdict.right is False
    assert said in verdict.message


def mistake_of(kind: str, said: str) -> bool:
    return any(
        said in why
        for level in LEVELS
        for number in range(60)
        for _, why in question(kind, level, 0, number).mistakes
    )


@pytest.mark.parametrize(
    "kind, said",
    [
        ("output_size", "on one side only"), ("output_size", "+ 1 is missing"),
        ("output_size", "rounds up"), ("output_size", "rounds down"),
        ("output_size", "With dilation"), ("output_size", "both* ends"),
        ("remainder", "crosses"), ("stack", "forgets the jump"), ("stack", "adds the strides up"),
        ("stack", "without their holes"), ("stack", "The + 1 is missing"),
        ("reach", "The padding is missing"), ("padding", "both sides together"),
        ("cost", "biases are missing"), ("cost", "one* MAC"), ("gradient", "turned round"),
        ("resnet", "This is v1,"), ("resnet", "forgets the jump"),
    ],
)  # fmt: skip
def test_the_mistakes_of_the_field_are_known(kind: str, said: str) -> None:
    assert kind in KINDS
    assert mistake_of(kind, said)
