"""Sessions that share programs, and the lifetime of programs."""

import copy

from cutedl_xp import Model
from cutedl_xp.backends import StepFunction
from cutedl_xp.layers import Dense, Layer
from cutedl_xp.losses import CategoricalCrossentropy, Mse
from cutedl_xp.regularizers import L2, Regularizer
from cutedl_xp.training.programs import Programs, key_of, make_key, signature_of


def make() -> StepFunction:
    return StepFunction(lambda state, constants, inputs, k: state)


def test_a_key_has_one_function() -> None:
    programs = Programs()
    first = programs.get(("a", [1]), make)
    assert programs.get(("a", [1]), make) is first
    assert programs.get(("a", [2]), make) is not first


def test_the_number_of_functions_is_limited() -> None:
    programs = Programs()
    first = programs.get(0, make)
    for key in range(1, 16):
        programs.get(key, make)
    assert programs.get(0, make) is first
    programs.get(16, make)
    assert programs.get(0, make) is not first


def test_a_copy_has_none_of_them() -> None:
    programs = Programs()
    first = programs.get("a", make)
    assert copy.deepcopy(programs).get("a", make) is not first


def test_the_library_s_own_objects_are_compared_by_their_options() -> None:
    assert key_of(Mse()) == key_of(Mse())
    assert key_of(L2(0.1)) == key_of(L2(0.1)) != key_of(L2(0.2))
    assert key_of(CategoricalCrossentropy()) != key_of(CategoricalCrossentropy(from_logits=False))


def test_signatures_differ_where_programs_do() -> None:
    def signature(*layers: Layer) -> object:
        return signature_of(Model(layers), [Mse()], make_key(Model(layers), [Mse()], 64))

    assert signature(Dense(3, input_dim=2)) == signature(Dense(3, input_dim=2))
    assert hash(signature(Dense(3, input_dim=2))) == hash(signature(Dense(3, input_dim=2)))
    assert signature(Dense(3, input_dim=2)) != signature(Dense(3, input_dim=2, activation="tanh"))


def test_a_users_class_has_no_signature() -> None:
    class Own(Regularizer):
        def penalty_gradient(self, w: object) -> object:
            return w

    class OwnDense(Dense):
        pass

    assert signature_of(Model([Dense(3, input_dim=2)]), [Own(0.1)], "key") is None
    assert signature_of(Model([OwnDense(3, input_dim=2)]), [], "key") is None
