"""Which backends a comparison takes, and why it leaves the others out."""

from collections.abc import Mapping, Sequence

from cutedl_xp.backends import Backend, BackendUnavailable, available_backends, get_backend


def choose_backends(names: Sequence[str] = (), device: str | None = None) -> tuple[list[Backend], Mapping[str, str]]:
    """The backends to compare.

    Parameters
    ----------
    names
        Those to take, such as ``"torch"`` or ``"torch:cuda"``. Without any, all that can be used here, but not
        array_api_strict, which is made for tests, nor a library on a device that is only emulated.
    device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"auto"`` (CUDA where CuPy finds a device, else the CPU): each
        library on this kind of device. Without it, each on its own default device.

    Returns
    -------
    list of Backend, mapping
        The chosen ones, and for each that was left out why.

    Raises
    ------
    BackendUnavailable
        If a backend that was asked for cannot be had here, or none can.
    ValueError
        If there is no such name or device, or a backend is named twice.

    Examples
    --------
    >>> from cutedl_xp.bench import comparison as bench
    >>> bench.choose_backends(["numpy"])
    ([<backend numpy on cpu>], {})
    """
    place = None if device is None else _place(device)
    if names:
        chosen = [get_backend(_spec(name, place)) for name in names]
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"`names` must have each backend once; got {', '.join(map(repr, names))}")
        return chosen, {}
    chosen, left_out = [], {}
    for name in available_backends():
        try:
            backend = get_backend(_spec(name, place))
        except (BackendUnavailable, ValueError) as error:  # a ValueError is a library's that has no such device
            left_out[name] = str(error)
            continue
        reason = _no_use_for_speed(backend)
        if reason is None:
            chosen.append(backend)
        else:
            left_out[name] = f"{reason}; it is timed when asked for by name"
    if not chosen:
        raise BackendUnavailable(f"no backend can be compared on the device {device!r}: {'; '.join(left_out.values())}")
    return chosen, left_out


def _place(device: str) -> str:
    """``"cpu"``, ``"cuda"`` or ``"cuda:1"``, if it is what :func:`get_backend` takes as a device."""
    try:
        found = get_backend(device=device).name
    except BackendUnavailable:
        return device  # CuPy is not to be had, and another library may be
    return {"cupy": "cuda", "numpy": "cpu"}[found] if device == "auto" else device


def _spec(name: str, place: str | None) -> str:
    """The name of a backend on a kind of device."""
    if place is None:
        return name
    if ":" in name:
        raise ValueError(f"give the device with the name or by `device`, not both; got {name!r} and {place!r}")
    if name == "cupy" and place != "cpu":
        return name + place.removeprefix("cuda")  # CuPy has CUDA devices alone, and calls them by their numbers
    return f"{name}:{place}"


def _no_use_for_speed(backend: Backend) -> str | None:
    if backend.name == "array_api_strict":
        return "a library for tests, which was not made to be fast"
    if any("emulated" in device for device in backend.devices()):
        return f"its device is emulated ({', '.join(backend.devices())}), which says nothing about speed"
    return None
