"""Names of other libraries are refused with the name here."""

import pytest

import cutedl_xp as cdl


@pytest.mark.parametrize(
    ("module", "name", "here"),
    [
        (cdl, "Sequential", "cutedl_xp.Model"),
        (cdl.optimizers, "SGD", "cutedl_xp.optimizers.Fixed"),
        (cdl.layers, "Linear", "cutedl_xp.layers.Dense"),
        (cdl.layers, "BatchNorm1d", "cutedl_xp.layers.BatchNormalization"),
        (cdl.losses, "CrossEntropyLoss", "SparseCategoricalCrossentropy"),
        (cdl.listeners, "ModelCheckpoint", "cutedl_xp.listeners.Checkpoint"),
    ],
)
def test_the_error_gives_the_name_here(module, name, here):
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}'; use .*{here}"):
        getattr(module, name)


def test_other_unknown_names_are_ordinary_errors():
    with pytest.raises(AttributeError, match=r"module 'cutedl_xp' has no attribute 'Nothing'$"):
        _ = cdl.Nothing
    assert not hasattr(cdl.optimizers, "Nothing")
