"""Choice of the backends of a comparison."""

from collections.abc import Mapping, Sequence

from cutedl_xp.backends import Backend, BackendUnavailable, available_backends, get_backend


def choose_backends(names: Sequence[str] = (), device: str | None = None) -> tuple[list[Backend], Mapping[str, str]]:
    """Return the backends to compare, and the reasons why other backends are excluded.

    Parameters
    ----------
    names
        Backends to time, such as ``"torch"`` or ``"torch:cuda"``. By default every available backend except
        array_api_strict, which is made for tests, and libraries on an emulated device.
    device
        Device for every library: ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"auto"`` (CUDA where CuPy finds a device,
        otherwise the CPU). By default the default device of each library.

    Returns
    -------
    list of Backend, mapping
        Chosen backends, and the reason for each excluded backend.

    Raises
    ------
    BackendUnavailable
        If a requested backend is not available, or no backend is.
    ValueError
        If a name or the device does not exist, or a backend is named twice.

    Examples
    --------
    >>> from cutedl_xp.bench import comparison as bench
    >>> bench.choose_backends(["numpy"])
    ([<backend numpy on cpu>], {})
    """
    place = None if device is None else _resolve_device(device)
    if names:
        chosen = [get_backend(_format_spec(name, place)) for name in names]
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"`names` must have each backend once; got {', '.join(map(repr, names))}")
        return chosen, {}
    chosen, left_out = [], {}
    for name in available_backends():
        try:
            backend = get_backend(_format_spec(name, place))
        except (BackendUnavailable, ValueError) as error:  # ValueError: the library has no such device
            left_out[name] = str(error)
            continue
        reason = _explain_exclusion(backend)
        if reason is None:
            chosen.append(backend)
        else:
            left_out[name] = f"{reason}; it is timed when asked for by name"
    if not chosen:
        raise BackendUnavailable(f"no backend can be compared on the device {device!r}: {'; '.join(left_out.values())}")
    return chosen, left_out


def _resolve_device(device: str) -> str:
    """Return ``"cpu"``, ``"cuda"`` or ``"cuda:1"`` for a device that :func:`get_backend` accepts."""
    try:
        found = get_backend(device=device).name
    except BackendUnavailable:
        return device  # another library than CuPy may be available
    return {"cupy": "cuda", "numpy": "cpu"}[found] if device == "auto" else device


def _format_spec(name: str, place: str | None) -> str:
    """Return the name of a backend with its device."""
    if place is None:
        return name
    if ":" in name:
        raise ValueError(f"give the device with the name or by `device`, not both; got {name!r} and {place!r}")
    if name == "cupy" and place != "cpu":
        return name + place.removeprefix("cuda")  # CuPy has CUDA devices only, and names them by their numbers
    return f"{name}:{place}"


def _explain_exclusion(backend: Backend) -> str | None:
    """Return the reason why the times of a backend have no meaning, or None."""
    if backend.name == "array_api_strict":
        return "a library for tests, which was not made to be fast"
    if any("emulated" in device for device in backend.devices()):
        return f"its device is emulated ({', '.join(backend.devices())}), which says nothing about speed"
    return None
