"""Optimizers from texts, and errors for invalid texts."""

import inspect

import pytest

from cutedl_xp import optimizers
from cutedl_xp.optimizers import ElementwiseOptimizer
from cutedl_xp.schedules import Cosine
from cutedl_xp.studies import optimizer_text

TEXTS = {
    "adam": ("adam", optimizers.Adam, {}),
    "adam()": ("adam", optimizers.Adam, {}),
    " Adam( beta2=.999,\n lr=1e-3 ) ": ("adam(lr=0.001, beta2=0.999)", optimizers.Adam, {"lr": 0.001, "beta2": 0.999}),
    "adam(lr=1)": ("adam(lr=1.0)", optimizers.Adam, {"lr": 1.0}),
    "adam(lr=+0.1, amsgrad=True)": ("adam(lr=0.1, amsgrad=True)", optimizers.Adam, {"lr": 0.1, "amsgrad": True}),
    "Momentum(0.002, 0.9)": (
        "momentum(lr=0.002, momentum=0.9)",
        optimizers.Momentum,
        {"lr": 0.002, "momentum": 0.9},
    ),
    "adadelta(0.95, eps=1e-8)": ("adadelta(rho=0.95, eps=1e-08)", optimizers.Adadelta, {"rho": 0.95, "eps": 1e-8}),
    "adamw(weight_decay=-0.0)": ("adamw(weight_decay=0.0)", optimizers.AdamW, {"weight_decay": 0.0}),
}


@pytest.mark.parametrize("text", TEXTS)
def test_text_names_a_class_with_options_and_has_one_canonical_form(text: str) -> None:
    canonical, kind, options = TEXTS[text]
    assert optimizer_text.parse(text) == (kind, options)
    assert list(optimizer_text.parse(text)[1]) == list(options)
    assert optimizer_text.canonical(text) == canonical
    assert optimizer_text.canonical(canonical) == canonical
    assert optimizer_text.rule_name(text) == kind.__name__.lower()


def test_every_rule_of_the_package_has_a_name() -> None:
    rules = {
        kind
        for name in optimizers.__all__
        if inspect.isclass(kind := getattr(optimizers, name))
        and issubclass(kind, ElementwiseOptimizer)
        and kind is not ElementwiseOptimizer
    }
    assert set(optimizer_text.RULES.values()) == rules
    assert len(rules) == 11


@pytest.mark.parametrize("name", optimizer_text.RULES)
def test_every_option_of_a_rule_can_be_written_and_read_back(name: str) -> None:
    rule = optimizer_text.RULES[name]
    defaults = {option: getattr(rule(), option) for option in inspect.signature(rule).parameters}
    text = optimizer_text.with_options(name, **defaults)
    assert optimizer_text.parse(text) == (rule, defaults)
    assert vars(optimizer_text.make(text)) == vars(rule())
    for option, value in defaults.items():
        assert optimizer_text.option(name, option) == value


REFUSED = {
    'adam(lr=__import__("os").getpid())': "adam: `lr` must be a finite number, True or False; got "
    "'__import__(\"os\").getpid()'",
    "sgd(lr=0.1)": "an optimizer must be one of fixed, momentum, adagrad, rmsprop, adadelta, adam, adamw, nadam, "
    "radam, adamax, lion; got 'sgd'",
    "adam(rho=0.9)": "adam has no option `rho`; its options are: lr, beta1, beta2, eps, eps_hat, amsgrad, weight_decay",
    "adam(lr=1, lr=2)": "adam: `lr` must be given once; got 'adam(lr=1, lr=2)'",
    "adam(1, lr=2)": "adam: `lr` must be given once; got 'adam(1, lr=2)'",
    "adam(lr=nan)": "adam: `lr` must be a finite number, True or False; got 'nan'",
    "adam(lr=-inf)": "adam: `lr` must be a finite number, True or False; got '-inf'",
    "adam(lr=1e999)": "adam: `lr` must be a finite number, True or False; got '1e999'",
    f"adam(lr={'9' * 400})": "adam: `lr` must be a finite number, True or False; got '" + "9" * 80 + "...'",
    "adam(lr=1j)": "adam: `lr` must be a finite number, True or False; got '1j'",
    "adam(lr='0.1')": "adam: `lr` must be a finite number, True or False; got \"'0.1'\"",
    r"adam(lr='\d')": "adam: `lr` must be a finite number, True or False; got \"'\\\\d'\"",
    "adam(lr=1+1)": "adam: `lr` must be a finite number, True or False; got '1+1'",
    "adam(lr=-True)": "adam: `lr` must be a finite number, True or False; got '-True'",
    "adam(*[1])": "adam: `lr` must be a finite number, True or False; got '*[1]'",
    "adam(lr=adam(lr=1))": "adam: `lr` must be a finite number, True or False; got 'adam(lr=1)'",
    "adam(lr=True)": "adam: `lr` must be a number; got True (bool)",
    "adam(amsgrad=1)": "adam: `amsgrad` must be True or False; got 1 (int)",
    "adam(lr=0)": "adam: `lr` must be greater than 0; got 0.0",
    "adam(beta1=1)": "adam: `beta1` must lie strictly between 0 and 1; got 1.0",
    "adam(1, 0.5, 0.5, 1)": "adam accepts 3 options without a name; got 4 in 'adam(1, 0.5, 0.5, 1)': write the others "
    "as name=value",
    "": "`optimizer` must not be empty",
}
NOT_OF_THE_FORM = (
    "adam(lr=0.1",
    "adam(**{})",
    "adam()()",
    "os.remove(1)",
    "adam; adam",
    "lambda: 1",
    "adam\0",
    "  ",
    "-" * 450 + "1",
    "(" * 240 + ")" * 240,
)


@pytest.mark.parametrize("text", REFUSED)
def test_refused_text_is_explained_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        optimizer_text.parse(text)
    assert str(caught.value) == REFUSED[text]


@pytest.mark.parametrize("text", NOT_OF_THE_FORM)
def test_text_of_another_form_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^an optimizer must be a name with options, such as 'adam\(lr=0\.001\)'; got '"
    ) as caught:
        optimizer_text.parse(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_long_text_is_refused_unread() -> None:
    with pytest.raises(ValueError, match=r"in at most 500 characters; got 100000 of them$"):
        optimizer_text.parse("(" * 50_000 + ")" * 50_000)


def test_text_must_be_a_string() -> None:
    with pytest.raises(TypeError, match=r"^`optimizer` must be a string; got 5 \(int\)$"):
        optimizer_text.parse(5)  # type: ignore[arg-type]


def test_options_are_replaced_and_added_in_the_order_of_the_constructor() -> None:
    assert optimizer_text.with_options("adam(beta2=0.9, lr=1)", lr=0.5) == "adam(lr=0.5, beta2=0.9)"
    assert optimizer_text.with_options("adadelta", lr=0.5, rho=0.9) == "adadelta(rho=0.9, lr=0.5)"
    with pytest.raises(ValueError, match=r"^adam: `lr` must be finite; got nan$"):
        optimizer_text.with_options("adam", lr=float("nan"))
    with pytest.raises(ValueError, match=r"^fixed has no option `rho`; its options are: lr, weight_decay$"):
        optimizer_text.with_options("fixed", rho=0.9)


def test_option_is_that_of_the_text_or_the_default() -> None:
    assert optimizer_text.option("adam(lr=1)", "lr") == 1.0
    assert optimizer_text.option("adadelta", "lr") == 1.0
    with pytest.raises(ValueError, match=r"^adam has no option `rho`; its options are: lr, "):
        optimizer_text.option("adam", "rho")


def test_schedule_has_the_rate_of_the_optimizer_as_its_peak() -> None:
    assert optimizer_text.make("adam(lr=0.5)", "cosine", 200).lr == Cosine(0.5, 200)
    assert optimizer_text.make("adadelta", "cosine", 200).lr == Cosine(1.0, 200)
    with pytest.raises(ValueError, match=r"^the schedule 'cosine' needs the number of updates; give `steps`$"):
        optimizer_text.make("adam", "cosine")


def test_every_call_makes_its_own_optimizer() -> None:
    assert optimizer_text.make("adam") is not optimizer_text.make("adam")
