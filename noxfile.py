"""Every check of the project: ``nox -l`` lists the sessions, ``nox`` runs the quick one, ``nox -s lint`` another."""

import ctypes
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
if _HERE not in PYTHONS:  # a newer Python, which may be the only one on this machine
    PYTHONS.append(_HERE)
EXAMPLE = "examples/mlp/mnist_recognize.py"
TORCH, JAX, OPTAX, KERAS = "torch==2.13.0", "jax==0.10.2", "optax==0.2.8", "keras==3.15.1"
SCIPY, SCIKIT_LEARN = "scipy==1.17.1", "scikit-learn==1.9.1"
PEERS = (TORCH, JAX, OPTAX, KERAS, "thinc==9.1.1", SCIKIT_LEARN, "numba==0.68.1")
STUDIES = ("tests/studies", "tests/commands/test_studies.py", "tests/examples")  # of the session `studies`
SLOW = (*STUDIES, "tests/datasets/test_download.py")
SIDE_BY_SIDE = ("--numprocesses", "auto", "--maxprocesses", "4", "--timeout", "600")  # seconds for a test that hangs
RUFF, IMPORT_LINTER, MYPY = "ruff==0.17.6", "import-linter==2.16", "mypy==2.4.1"  # newer versions find new faults
CODESPELL = "codespell==2.4.3"
NOTEBOOK = ("nbclient==0.11.0", "nbformat==5.11.1", "ipykernel==7.4.0", "ipywidgets==8.1.9")
PIP_AUDIT, NUMPYDOC = "pip-audit==2.10.1", "numpydoc==1.11.0"
PLAYWRIGHT = "playwright==1.65.2"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SITE = "docs/_build/html"
AUDITED = "files,data,plot,fast,examples,test,docs"  # the user chooses array libraries, which are large

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "virtualenv"  # with pip, also if uv is installed
nox.options.error_on_missing_interpreters = False  # skipped with a message, on CI servers too
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["quick"]
os.environ.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")


@nox.session
def quick(session: nox.Session) -> None:
    """Run the tests on NumPy with numba, the documented examples, and a short training; a few minutes."""
    session.install("--editable", ".[test,cli]")
    # One thread for each process, as the processes share the cores; in the other sessions the libraries choose
    test_on("numpy", session, *(f"--ignore={part}" for part in SLOW), OPENBLAS_NUM_THREADS="1")
    run_doctests(session)
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", EXAMPLE, "--epochs", "1", "--out", str(Path(folder) / "adam"))


@nox.session(python="3.11")
def studies(session: nox.Session) -> None:
    """Run the tests of studies, of the commands and of the example program, and kill a study."""
    session.install(".[test,cli,dask,pandas,tensorboard]")
    session.run("pytest", *STUDIES, "tests/durability/test_studies.py", *SIDE_BY_SIDE, *session.posargs)


@nox.session
@nox.parametrize(
    ("python", "backend"),
    [nox.param(python, "numpy", id=f"{python}-numpy") for python in PYTHONS]
    + [nox.param(_HERE, "array_api_strict", id=f"{_HERE}-array_api_strict")],
)
def tests(session: nox.Session, backend: str) -> None:
    """Run all tests on each Python, and on array_api_strict with one; extra arguments go to pytest."""
    session.install(".[test,fast]" if backend == "numpy" else ".[test]")
    test_on(backend, session)


@nox.session
def unfused(session: nox.Session) -> None:
    """Run the tests that depend on compiled loops on NumPy without them."""
    session.install(".[test,fast]")
    parts = ["tests/backends", "tests/layers", "tests/optimizers", *map(str, Path("tests").glob("test_*.py"))]
    test_on("numpy", session, *parts, CUTEDL_XP_FUSED="0")


@nox.session
def tests_cupy(session: nox.Session) -> None:
    """Run the tests on CuPy: on a GPU if the machine has one, else with the real wheel emulated on the CPU."""
    reason, cuda = find_cuda()
    if reason is None:
        session.install(f".[test,{cuda}]")
    elif sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64") or shutil.which("gcc") is None:
        session.skip(f"{reason}, and CuPy is emulated on Linux (x86_64, aarch64) with gcc only")
    else:
        session.log(f"{reason}: CuPy is emulated on the CPU")
        session.install(".[test]", "--requirement", "tests/cupy_on_cpu/requirements.txt")
    test_on("cupy", session)


@nox.session(python="3.11")
def tests_torch(session: nox.Session) -> None:
    """Run the tests on PyTorch's CPU build."""
    session.install(".[test]", TORCH)
    test_on("torch", session)


@nox.session(python="3.11")
def tests_jax(session: nox.Session) -> None:
    """Run the tests on JAX on the CPU."""
    session.install(".[test]", JAX)
    test_on("jax", session)


@nox.session(python="3.11")
def sklearn(session: nox.Session) -> None:
    """Run the tests of the scikit-learn estimators, also on arrays of PyTorch and array_api_strict."""
    session.install(".[test,sklearn,pandas]", TORCH, SCIKIT_LEARN)
    session.run("pytest", "tests/sklearn", *SIDE_BY_SIDE, *session.posargs, env={"SCIPY_ARRAY_API": "1"})


@nox.session(python="3.11")
def notebook(session: nox.Session) -> None:
    """Run the example notebook, check the outputs of its cells, and run the guide that needs pandas."""
    session.install(".[test,sklearn,pandas]", *NOTEBOOK)
    guide = "tests/test_docs.py::test_sessions_do_what_they_show[docs/guides/data.md]"
    session.run("pytest", "tests/notebooks", guide, "--timeout", "600", *session.posargs)


@nox.session(python="3.11")
def durability(session: nox.Session) -> None:
    """Kill trainings, inject errors and damage files; CUTEDL_XP_DURABILITY=large takes one to two hours."""
    session.install(".[test,fast]")
    parts = ("tests/durability", "--ignore=tests/durability/test_studies.py")
    session.run("pytest", *parts, *SIDE_BY_SIDE, "--timeout", "0", *session.posargs)
    kills = ("tests/durability/test_kill.py", "-k", "killed")
    session.run("pytest", *kills, "--backend", "array_api_strict", *session.posargs)


@nox.session(python="3.11")
def interop(session: nox.Session) -> None:
    """Run the tests on arrays of PyTorch and JAX, and compare the optimizers with PyTorch, optax and Keras."""
    session.install(".[test]", TORCH, JAX, OPTAX, KERAS, SCIPY, SCIKIT_LEARN)
    session.run("pytest", "tests/interop", *SIDE_BY_SIDE, *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """Run the example program with one optimizer, with all optimizers in parallel, and with wrong arguments."""
    session.install(".[examples]")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        session.run("python", EXAMPLE, "--optimizer", "adam", "--epochs", "2", "--out", str(out / "adam"))
        session.run("python", EXAMPLE, "--optimizer", "all", "--epochs", "1", "--jobs", "2", "--out", str(out / "all"))
        for made in (out / "adam", out / "all"):
            if not any(made.rglob("*.png")):
                session.error(f"{EXAMPLE} drew no picture in {made}")
        session.log("Each of the next commands has a wrong argument and must fail with one sentence.")
        for wrong in ("--optimizer=nonsense", "--backend=nonsense", "--epochs=0", f"--out={EXAMPLE}/below-a-file"):
            session.run("python", EXAMPLE, wrong, success_codes=[2])  # a traceback would be 1


@nox.session(python="3.11")
def bench(session: nox.Session) -> None:
    """Compare the speed with other libraries and write it to docs/benchmarks; needs an idle machine."""
    session.install(".[test]", *PEERS)
    session.run("python", "tests/benchmarks", "--out", "docs/benchmarks", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, spelling, English, the layering of modules, and dependencies for known vulnerabilities."""
    session.install(RUFF, IMPORT_LINTER, CODESPELL, PIP_AUDIT)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache", "--no-logo")
    session.run("codespell")
    session.run("python", "docs/check_prose.py")
    audit(session)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package, the examples and this file, and the docstrings of the public names."""
    session.install(MYPY, "nox", NUMPYDOC, ".[test]")
    session.run("mypy")
    session.run("pytest", "tests/test_docstrings.py", *session.posargs)
    session.run("python", "docs/check_docstrings.py")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html and check it; a warning is an error."""
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "--fresh-env", "-b", "html", "docs", SITE)
    session.run("python", "docs/check_site.py", SITE)


@nox.session
def pages(session: nox.Session) -> None:
    """Open each built page in headless Chromium, wide and narrow, light and dark, without a network."""
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        session.skip(f"none of {', '.join(BROWSERS)} is installed; name another program in CHROMIUM")
    if not Path(SITE, "index.html").exists():
        session.error("there is no built documentation; run nox -s docs first")
    session.install(PLAYWRIGHT)
    session.run("python", "docs/check_pages.py", "--chromium", browser, "--site", SITE, *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build the source archive and the wheel, and run the package from the wheel."""
    session.install("build", "twine", "check-wheel-contents")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder)
        archives = sorted(str(path) for path in Path(folder).iterdir())
        wheel = next(name for name in archives if name.endswith(".whl"))
        session.run("twine", "check", "--strict", *archives)
        session.run("check-wheel-contents", wheel)
        session.install("--force-reinstall", wheel)
        session.chdir(folder)  # else the package of the checkout would be imported
        session.run(
            "python",
            "-c",
            "import importlib.resources as resources, cutedl_xp\n"
            "assert (resources.files(cutedl_xp) / 'py.typed').is_file(), 'the wheel lacks py.typed'\n"
            "print('imported from the wheel:', ', '.join(cutedl_xp.__all__))",
        )
        session.run("cutedl-xp", "--version")


def audit(session: nox.Session) -> None:
    """Fail if a dependency has a known vulnerability; log a message if the advisory service cannot be reached."""
    with tempfile.TemporaryDirectory() as folder:
        requirements, report = Path(folder) / "requirements.txt", Path(folder) / "report.json"
        requirements.write_text(f".[{AUDITED}]\n")
        options = ("--format", "json", "--output", str(report), "--progress-spinner", "off")
        command = ("pip-audit", "--requirement", str(requirements), *options)
        # pip-audit exits with 1 for vulnerabilities and without a network; if only its service is down, it skips
        # everything.
        printed = str(session.run(*command, silent=True, success_codes=[0, 1]))
        dependencies = json.loads(report.read_text())["dependencies"] if report.exists() else []
    audited = [dependency for dependency in dependencies if "vulns" in dependency]
    found = [f"{each['name']} {each['version']} ({fault['id']})" for each in audited for fault in each["vulns"]]
    if found:
        session.error(f"known vulnerabilities: {', '.join(found)}")
    if audited:
        session.log(f"pip-audit knows no vulnerability in {len(audited)} of {len(dependencies)} dependencies.")
    else:
        reason = dependencies[0]["skip_reason"] if dependencies else printed.strip().rpartition("\n")[2]
        session.log(f"pip-audit audited no dependency; its advisory service cannot be reached from here: {reason}")


def run_doctests(session: nox.Session) -> None:
    """Run the examples in the docstrings; the package must be installed in editable form, as pytest imports it."""
    absent = [f"--ignore=cutedl_xp/backends/{name}.py" for name in ("torch", "jax", "_jax_steps")]
    session.run("pytest", "--doctest-modules", "cutedl_xp", *SIDE_BY_SIDE, *absent)


def test_on(backend: str, session: nox.Session, *parts: str, **environment: str) -> None:
    """Run all tests except those of the sessions interop, durability, sklearn and studies, or the given parts."""
    session.run(
        "pytest",
        "--backend",
        backend,
        "--ignore=tests/interop",
        "--ignore=tests/durability",
        "--ignore=tests/sklearn",
        *(f"--ignore={part}" for part in STUDIES),
        *SIDE_BY_SIDE,
        *parts,
        *session.posargs,
        env=environment,
    )


def find_cuda() -> tuple[str | None, str]:
    """Return the reason why CUDA is not available, or None and the extra that fits the driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return "no NVIDIA driver is installed", ""
    devices, version = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(devices)) or not devices.value:
        return "the NVIDIA driver finds no GPU", ""
    driver.cuDriverGetVersion(ctypes.byref(version))
    return None, "cuda13" if version.value >= 13_000 else "cuda12"
