"""The choice of backends: names, devices, and omitted backends with the reason."""

import pytest

from cutedl_xp import Backend, BackendUnavailable, bench, get_backend
from cutedl_xp.bench import choice


class TestChoice:
    @pytest.fixture
    def two(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, None]:
        """Make all backends except NumPy and array_api_strict unavailable."""
        names = {"numpy": None, "array_api_strict": None}
        monkeypatch.setattr(choice, "available_backends", lambda: names)
        return names

    @pytest.mark.usefixtures("two")
    def test_test_library_is_left_out(self) -> None:
        chosen, left_out = bench.choose_backends()
        assert chosen == [get_backend("numpy")]
        assert list(left_out) == ["array_api_strict"]
        assert "a library for tests" in left_out["array_api_strict"]

    def test_unless_requested(self) -> None:
        chosen, left_out = bench.choose_backends(["array_api_strict:device1", "numpy"])
        assert chosen == [get_backend("array_api_strict:device1"), get_backend("numpy")]
        assert left_out == {}

    @pytest.mark.usefixtures("two")
    def test_emulated_device_is_left_out_unless_requested(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(get_backend("numpy")), "devices", lambda self: ["cuda:0 (emulated on the CPU)"])
        with pytest.raises(BackendUnavailable, match="emulated"):
            bench.choose_backends()
        assert bench.choose_backends(["numpy"]) == ([get_backend("numpy")], {})

    def test_absent_backend_is_named_with_the_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "available_backends", lambda: {"numpy": None, "cupy": "no driver"})
        monkeypatch.setattr(choice, "get_backend", self.without_cupy)
        assert bench.choose_backends() == ([get_backend("numpy")], {"cupy": "no driver"})
        with pytest.raises(BackendUnavailable, match="no driver"):
            bench.choose_backends(["numpy", "cupy"])

    @staticmethod
    def without_cupy(name: str | None = None, *, device: str | None = None) -> Backend:
        if (name or device or "").startswith(("cupy", "cuda")):
            raise BackendUnavailable("no driver")
        return get_backend(name, device=device)

    @pytest.mark.usefixtures("two")
    @pytest.mark.parametrize("device", ["cpu", "auto"])
    def test_on_the_cpu(self, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "get_backend", lambda name=None, device=None: get_backend(name or "numpy"))
        assert bench.choose_backends(["numpy"], device)[0] == [get_backend("numpy")]

    @pytest.mark.usefixtures("two")
    def test_no_library_on_the_device(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "get_backend", self.without_cupy)
        with pytest.raises(BackendUnavailable, match=r"no backend can be compared on the device 'cuda:1'.*'numpy'"):
            bench.choose_backends(device="cuda:1")

    @pytest.mark.parametrize(
        ("names", "device", "words"),
        [
            (["nunpy"], None, "there is no backend 'nunpy'"),
            ([""], None, "there is no backend ''"),
            (["numpy", "numpy:cpu"], None, "each backend once; got 'numpy', 'numpy:cpu'"),
            (["numpy:cpu"], "cpu", "not both; got 'numpy:cpu' and 'cpu'"),
            ([], "gpu", "`device` must be 'cpu', 'cuda', 'cuda:N' or 'auto'; got 'gpu'"),
        ],
    )
    def test_wrong_names(self, names: list[str], device: str | None, words: str) -> None:
        with pytest.raises(ValueError, match=r".") as caught:
            bench.choose_backends(names, device)
        assert words in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "place", "spec"),
        [
            ("torch", None, "torch"),
            ("torch", "cuda:1", "torch:cuda:1"),
            ("jax", "cpu", "jax:cpu"),
            ("cupy", "cuda", "cupy"),
            ("cupy", "cuda:1", "cupy:1"),
        ],
    )
    def test_names_of_devices(self, name: str, place: str | None, spec: str) -> None:
        assert choice._format_spec(name, place) == spec
