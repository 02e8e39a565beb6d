"""Arithmetic instructions, compared with values computed by hand from the PTX manual."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cupy_on_cpu.errors import Unsupported

Run = Callable[..., np.ndarray]
TINY = float(np.float32(1e-40))  # subnormal in float32
ALL_ONES = 0xFFFFFFFF


def bits(number: float) -> str:
    """Return a float32 as a literal of PTX."""
    return f"0f{np.float32(number).view(np.uint32):08X}"


def bits64(number: float) -> str:
    """Return a float64 as a literal of PTX."""
    return f"0d{np.float64(number).view(np.uint64):016X}"


def same(found: Any, wanted: float) -> bool:
    """Return whether numbers are equal, with equal NaN and equal signs of zero."""
    return bool(np.array_equal(found, wanted, equal_nan=True)) and math.copysign(1, found) == math.copysign(1, wanted)


@pytest.mark.parametrize(
    ("opcode", "operands", "wanted"),
    [
        ("add.f32", (1.5, 2.25), 3.75),
        ("sub.f32", (1.5, 2.25), -0.75),
        ("mul.f32", (1.5, -2.0), -3.0),
        ("div.rn.f32", (1.0, -8.0), -0.125),
        ("div.rn.f32", (1.0, 0.0), math.inf),
        ("add.sat.f32", (0.75, 0.75), 1.0),
        ("sub.sat.f32", (0.5, 0.75), 0.0),
        ("add.sat.f32", (math.nan, 1.0), 0.0),
        ("fma.rn.f32", (1 + 2**-12, 1 + 2**-12, -1.0), 2**-11 + 2**-24),  # a rounded product would lose the last digits
        ("fma.rm.f32", (1.0, 1.0, 2**-30), 1.0),
        ("fma.rp.f32", (1.0, 1.0, 2**-30), 1 + 2**-23),
        ("add.rz.f32", (-1.0, -(2**-30)), -1.0),
        ("add.rm.f32", (-1.0, -(2**-30)), -1 - 2**-23),
        ("sub.rp.f32", (1.0, -(2**-30)), 1 + 2**-23),
        ("mul.rm.f32", (1 + 2**-23, 1 - 2**-24), 1.0),
        ("neg.f32", (0.0,), -0.0),
        ("abs.f32", (-2.5,), 2.5),
        ("min.f32", (-0.0, 0.0), -0.0),
        ("min.f32", (0.0, -0.0), -0.0),
        ("max.f32", (-0.0, 0.0), 0.0),
        ("max.f32", (0.0, -0.0), 0.0),
        ("min.f32", (math.nan, 3.0), 3.0),
        ("max.f32", (3.0, math.nan), 3.0),
        ("min.NaN.f32", (math.nan, 3.0), math.nan),
        ("max.NaN.f32", (1.0, 3.0), 3.0),
        ("sqrt.rn.f32", (2.25,), 1.5),
        ("rsqrt.approx.f32", (4.0,), 0.5),
        ("rcp.rn.f32", (-4.0,), -0.25),
        ("ex2.approx.f32", (-3.0,), 0.125),
        ("lg2.approx.f32", (8.0,), 3.0),
        ("sin.approx.f32", (0.0,), 0.0),
        ("cos.approx.f32", (0.0,), 1.0),
        ("tanh.approx.f32", (50.0,), 1.0),
        ("copysign.f32", (-1.0, 3.0), -3.0),
        ("cvt.rni.f32.f32", (2.5,), 2.0),
        ("cvt.rzi.f32.f32", (-2.75,), -2.0),
        ("cvt.rmi.f32.f32", (-2.25,), -3.0),
        ("cvt.rpi.f32.f32", (2.25,), 3.0),
        ("cvt.sat.f32.f32", (2.25,), 1.0),
    ],
)
def test_float32(run_ptx: Run, opcode: str, operands: tuple[float, ...], wanted: float) -> None:
    literals = ", ".join(bits(number) for number in operands)
    found = run_ptx(f"{opcode} %f0, {literals}; st.global.f32 [%found], %f0;", result="f4")[0]
    assert same(found, wanted)


def test_separate_product_and_sum_are_rounded_separately(run_ptx: Run) -> None:
    given = np.array([1 + 2**-12, -1.0], np.float32)
    code = "ld.global.v2.f32 {%f1, %f2}, [%given]; mul.f32 %f3, %f1, %f1; add.f32 %f4, %f3, %f2; "
    found = run_ptx(code + "st.global.f32 [%found], %f4;", given, result="f4")[0]
    assert found == given[0] * given[0] + given[1] == np.float32(2**-11)


@pytest.mark.parametrize(
    ("opcode", "operands", "kept", "flushed"),
    [
        ("add{}.f32", (TINY, 0.0), TINY, 0.0),
        ("mul{}.f32", (1e-30, -1e-10), -TINY, -0.0),
        ("mul{}.f32", (TINY, 1e10), TINY * 1e10, 0.0),
        ("min{}.f32", (TINY, 1.0), TINY, 0.0),
        ("neg{}.f32", (TINY,), -TINY, -0.0),
        ("fma.rn{}.f32", (TINY, 1.0, 0.0), TINY, 0.0),
    ],
)
def test_subnormal_numbers_become_zero_with_ftz_alone(
    run_ptx: Run, opcode: str, operands: tuple[float, ...], kept: float, flushed: float
) -> None:
    literals = ", ".join(bits(number) for number in operands)
    for ftz, wanted in (("", kept), (".ftz", flushed)):
        code = f"{opcode.format(ftz)} %f0, {literals}; st.global.f32 [%found], %f0;"
        assert same(run_ptx(code, result="f4")[0], float(np.float32(wanted)))


@pytest.mark.parametrize(
    ("opcode", "operands", "wanted"),
    [
        ("add.f64", (0.1, 0.2), 0.1 + 0.2),
        ("fma.rn.f64", (1 + 2**-30, 1 + 2**-30, -1.0), 2**-29 + 2**-60),
        ("mul.f64", (1e-300, 1e-10), 1e-310),
        ("div.rn.f64", (1.0, 3.0), 1 / 3),
        ("max.f64", (-math.inf, 2.0), 2.0),
        ("sqrt.rn.f64", (2.0,), math.sqrt(2)),
        ("fma.rp.f64", (1.0, 1.0, 2**-80), 1 + 2**-52),
    ],
)
def test_float64(run_ptx: Run, opcode: str, operands: tuple[float, ...], wanted: float) -> None:
    literals = ", ".join(bits64(number) for number in operands)
    assert same(run_ptx(f"{opcode} %g0, {literals}; st.global.f64 [%found], %g0;", result="f8")[0], wanted)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("add.s32 %r0, 2147483647, 1", 1 << 31),
        ("sub.s32 %r0, 2, 3", ALL_ONES),
        ("mul.lo.s32 %r0, 65537, 65537", (65537**2) % 2**32),
        ("mul.hi.u32 %r0, 4294967295, 4294967295", 0xFFFFFFFE),
        ("mul.hi.s32 %r0, -1, 5", ALL_ONES),
        ("mad.lo.s32 %r0, 3, -4, 2", -10 % 2**32),
        ("mad.hi.u32 %r0, 4294967295, 2, 5", 6),
        ("div.s32 %r0, -7, 2", -3 % 2**32),
        ("div.s32 %r0, -2147483648, -1", 1 << 31),
        ("div.u32 %r0, 7, 0", ALL_ONES),
        ("rem.s32 %r0, -7, 2", ALL_ONES),
        ("rem.u32 %r0, 7, 4", 3),
        ("neg.s32 %r0, 5", -5 % 2**32),
        ("abs.s32 %r0, -5", 5),
        ("min.s32 %r0, -1, 1", ALL_ONES),
        ("min.u32 %r0, -1, 1", 1),
        ("max.s32 %r0, -1, 1", 1),
        ("and.b32 %r0, 12, 10", 8),
        ("or.b32 %r0, 12, 10", 14),
        ("xor.b32 %r0, 12, 10", 6),
        ("not.b32 %r0, 1", 0xFFFFFFFE),
        ("shl.b32 %r0, 3, 4", 48),
        ("add.u32 %r1, %thread, 32; shl.b32 %r0, 3, %r1", 0),
        ("shr.u32 %r0, -1, 28", 15),
        ("shr.s32 %r0, -16, 2", -4 % 2**32),
        ("shr.s32 %r0, -16, 99", ALL_ONES),
        ("popc.b32 %r0, 255", 8),
        ("clz.b32 %r0, 1", 31),
        ("clz.b32 %r0, 0", 32),
        ("clz.b64 %r0, 1", 63),
        ("brev.b32 %r0, 1", 1 << 31),
        ("bfe.u32 %r0, 0xABCD, 4, 8", 0xBC),
        ("bfe.s32 %r0, 0x80, 4, 4", -8 % 2**32),
        ("bfe.s32 %r0, 0x80000000, 28, 8", -8 % 2**32),
        ("bfe.u32 %r0, -1, 0, 0", 0),
        ("bfi.b32 %r0, 0xF, 0x100, 4, 2", 0x130),
        ("bfi.b32 %r0, 0xF, 0x100, 32, 4", 0x100),
        ("prmt.b32 %r0, 0x33221100, 0x77665544, 0x7410", 0x77441100),
        ("prmt.b32 %r0, 0x80, 0, 0x8888", ALL_ONES),
        ("lop3.b32 %r0, 0xF0, 0xCC, 0xAA, 0x96", 0xF0 ^ 0xCC ^ 0xAA),
        ("lop3.b32 %r0, 0xF0, 0xCC, 0xAA, 0xCA", 0xCA),  # the table is the value of the function at these three
        ("shf.l.wrap.b32 %r0, 0x80000000, 1, 33", 3),
        ("shf.r.clamp.b32 %r0, 0, 1, 40", 1),
        ("cvt.u32.u16 %r0, 70000", 4464),
        ("cvt.s32.s8 %r0, 255", ALL_ONES),
        ("cvt.rzi.s32.f32 %r0, " + bits(-2.75), -2 % 2**32),
        ("cvt.rni.s32.f32 %r0, " + bits(3.5), 4),
        ("cvt.rzi.u32.f32 %r0, " + bits(-5.0), 0),
        ("cvt.rzi.u32.f32 %r0, " + bits(1e20), ALL_ONES),
        ("cvt.rzi.s32.f32 %r0, " + bits(-math.inf), 1 << 31),
        ("cvt.rzi.s32.f32 %r0, " + bits(1e20), 0x7FFFFFFF),
        ("cvt.rzi.s32.f32 %r0, " + bits(math.nan), 0),
        ("cvt.rzi.s32.f64 %r0, " + bits64(math.nan), 1 << 31),
        ("selp.b32 %r0, 7, 8, %p0", 8),
        ("mov.b32 %r0, " + bits(1.0), 0x3F800000),
    ],
)  # fmt: skip
def test_integers_of_32_bits(run_ptx: Run, code: str, wanted: int) -> None:
    code = f"setp.eq.s32 %p0, 0, 1; {code}; st.global.u32 [%found], %r0;"
    assert run_ptx(code)[0] == wanted


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("add.s64 %d0, 9223372036854775807, 1", 1 << 63),
        ("mul.wide.s32 %d0, -3, 5", -15 % 2**64),
        ("mul.wide.u32 %d0, 4294967295, 4294967295", (2**32 - 1) ** 2),
        ("mad.wide.s32 %d0, -3, 5, 20", 5),
        ("mul.hi.u64 %d0, -1, -1", 2**64 - 2),
        ("mul.hi.s64 %d0, -1, 1", 2**64 - 1),
        ("mul.lo.s64 %d0, 4294967296, 4294967296", 0),
        ("shr.s64 %d0, -8, 1", -4 % 2**64),
        ("shl.b64 %d0, 1, 63", 1 << 63),
        ("rem.s64 %d0, -9223372036854775808, -1", 0),
        ("bfe.u64 %d0, -1, 60, 8", 15),
        ("cvt.s64.s32 %d0, -1", 2**64 - 1),
        ("cvt.u64.u32 %d0, -1", ALL_ONES),
        ("cvt.rzi.s64.f32 %d0, " + bits(math.nan), 1 << 63),
        ("cvt.rzi.s64.f64 %d0, " + bits64(1e30), 2**63 - 1),
        ("cvt.rzi.u64.f64 %d0, " + bits64(1e19), 10**19),
        ("mov.b64 %d0, {7, 1}", 2**32 + 7),
        ("add.cc.u32 %r0, -1, 2; addc.u32 %r1, 3, 4; mov.b64 %d0, {%r0, %r1}", 8 * 2**32 + 1),
        ("add.cc.s32 %r0, 1, 2; addc.s32 %r1, 3, 4; mov.b64 %d0, {%r0, %r1}", 7 * 2**32 + 3),
        ("sub.cc.u32 %r0, 1, 2; subc.cc.u32 %r1, 5, 3; mov.b64 %d0, {%r0, %r1}", 2**32 + ALL_ONES),
        ("mad.lo.cc.u32 %r0, -1, 2, 3; madc.hi.u32 %r1, -1, 2, 0; mov.b64 %d0, {%r0, %r1}", (2**32 - 1) * 2 + 3),
        ("add.cc.u64 %d1, -1, 1; madc.hi.u64 %d0, -1, -1, 5", 4),
    ],
)
def test_integers_of_64_bits(run_ptx: Run, code: str, wanted: int) -> None:
    assert run_ptx(f"{code}; st.global.u64 [%found], %d0;")[0] == wanted


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("cvt.rn.f32.s64 %f0, -16777217", -16777216.0),
        ("cvt.rn.f32.u64 %f0, -1", 2.0**64),
        ("cvt.rn.f32.f64 %f0, " + bits64(1 + 2**-30), 1.0),
        ("cvt.rn.ftz.f32.f64 %f0, " + bits64(1e-40), 0.0),
        ("cvt.rn.f16.f32 %h0, " + bits(65519.0) + "; cvt.f32.f16 %f0, %h0", 65504.0),
        ("mov.b16 %h1, 0xBC00; abs.f16 %h0, %h1; cvt.f32.f16 %f0, %h0", 1.0),
        ("mov.b16 %h1, 0x3C01; mul.f16 %h0, %h1, %h1; cvt.f32.f16 %f0, %h0", 1.001953125),
    ],
)
def test_conversions_to_float32(run_ptx: Run, code: str, wanted: float) -> None:
    assert run_ptx(f"{code}; st.global.f32 [%found], %f0;", result="f4")[0] == wanted


NAN, ONE, TWO = bits(math.nan), bits(1.0), bits(2.0)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("setp.lt.s32 %p1, -1, 1", True),
        ("setp.lt.u32 %p1, -1, 1", False),
        ("setp.lo.u32 %p1, 1, 2", True),
        ("setp.hs.u32 %p1, 2, 2", True),
        ("setp.ne.s64 %p1, 1, 4294967297", True),
        (f"setp.ge.f32 %p1, {TWO}, {TWO}", True),
        (f"setp.eq.f32 %p1, {NAN}, {NAN}", False),
        (f"setp.ne.f32 %p1, {NAN}, {NAN}", False),
        (f"setp.neu.f32 %p1, {NAN}, {NAN}", True),
        (f"setp.ltu.f32 %p1, {ONE}, {NAN}", True),
        (f"setp.gtu.f32 %p1, {ONE}, {TWO}", False),
        (f"setp.nan.f32 %p1, {ONE}, {NAN}", True),
        (f"setp.num.f32 %p1, {ONE}, {NAN}", False),
        (f"setp.eq.ftz.f32 %p1, {bits(TINY)}, {bits(0.0)}", True),
        (f"setp.eq.f32 %p1, {bits(TINY)}, {bits(0.0)}", False),
        ("setp.eq.and.s32 %p1, 1, 1, %p0", False),
        ("setp.eq.or.s32 %p1, 1, 2, !%p0", True),
        ("setp.eq.xor.s32 %p1, 1, 1, !%p0", False),
        ("setp.eq.s32 %p2|%p1, 1, 2", True),
        ("and.pred %p1, %p0, %p0", False),
        ("not.pred %p1, %p0", True),
        ("xor.pred %p1, %p0, !%p0", True),
        ("mov.pred %p1, -1", True),
        (f"testp.notanumber.f32 %p1, {NAN}", True),
        (f"testp.finite.f32 %p1, {bits(math.inf)}", False),
    ],
)
def test_comparisons(run_ptx: Run, code: str, wanted: bool) -> None:
    code = f"setp.eq.s32 %p0, 0, 1; {code}; selp.u32 %r0, 1, 0, %p1; st.global.u32 [%found], %r0;"
    assert run_ptx(code)[0] == wanted


@pytest.mark.parametrize(
    "instruction",
    [
        "add.cc.u16 %h0, 1, 2",
        "madc.u32 %r0, 1, 2, 3",
        "sqrt.rz.f32 %f0, %f1",
        "add.f16x2 %r0, %r1, %r2",
        "prmt.b32.f4e %r0, %r1, %r2, %r3",
        "cvt.rn.bf16.f32 %h0, %f1",
        "cvt.rz.f32.s32 %f0, %r1",
        "cvt.sat.s8.s32 %h0, %r1",
        "setp.equ.xyz.f32 %p0, %f1, %f2",
        "setp.almost.f32 %p0, %f1, %f2",
        "testp.odd.f32 %p0, %f1",
        "shf.l.wrap.b64 %d0, %d1, %d2, 1",
        "mov.u32 %r0, %clock",
        "mov.u32 %r0, nobody",
        "mov.u32 %unknown, 1",
        "dp4a.u32.u32 %r0, %r1, %r2, %r3",
        "nonsense",
    ],
)
def test_instructions_without_translation_are_quoted(
    run_ptx: Run, refused: Callable[..., Any], instruction: str
) -> None:
    with refused(Unsupported, f"^the PTX instruction `{instruction}` cannot be emulated"):
        run_ptx(f"{instruction};")
