"""Instructions that move values, branch, call, and wait for other threads."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cupy_on_cpu.errors import KernelFault, Unsupported

Run = Callable[..., np.ndarray]


def test_vectors_are_loaded_and_stored(run_ptx: Run) -> None:
    code = "ld.global.v2.u32 {%r1, %r2}, [%given+4]; add.s32 %r1, %r1, %r2; st.global.v2.u32 [%found], {%r1, %r2};"
    assert run_ptx(code, np.array([1, 20, 300], np.uint32))[0] == (300 << 32) + 320


def test_narrow_values_are_extended_by_their_sign(run_ptx: Run) -> None:
    code = "ld.global.{} %r1, [%given]; st.global.u32 [%found], %r1;"
    assert run_ptx(code.format("s8"), np.array([0x80], np.uint8))[0] == 0xFFFFFF80
    assert run_ptx(code.format("u8"), np.array([0x80], np.uint8))[0] == 0x80


def test_register_is_taken_apart_and_put_together(run_ptx: Run) -> None:
    code = "ld.global.u64 %d1, [%given]; mov.b64 {%r1, %r2}, %d1; mov.b64 %d2, {%r2, %r1}; st.global.u64 [%found], %d2;"
    assert run_ptx(code, np.array([2**32 + 7], np.uint64))[0] == (7 << 32) + 1


def test_variables_of_the_module_have_their_values(run_ptx: Run) -> None:
    declarations = ".global .align 4 .u32 table[3] = {5, 6, 7}; .const .align 4 .f32 half = 0f3F000000;"
    code = "mov.u64 %d1, table; ld.global.u32 %r1, [%d1+8]; ld.const.u32 %r2, [half]; "
    code += "st.global.v2.u32 [%found], {%r1, %r2};"
    assert run_ptx(code, declarations=declarations)[0] == (0x3F000000 << 32) + 7


def test_shared_memory_has_places_that_do_not_overlap(run_ptx: Run) -> None:
    code = """
    .shared .align 4 .b8 first[4]; .shared .align 8 .b8 second[8];
    st.shared.u32 [first], 1; st.shared.u64 [second], 2; ld.shared.u32 %r1, [first];
    mov.u32 %r2, second; cvt.u64.u32 %d1, %r2; cvta.shared.u64 %d2, %d1; ld.u32 %r3, [%d2];
    st.global.v2.u32 [%found], {%r1, %r3};
    """
    assert run_ptx(code)[0] == (2 << 32) + 1


def test_address_in_shared_memory_becomes_one_in_all_memory_and_back(run_ptx: Run) -> None:
    code = """
    .shared .align 4 .b8 first[4]; .shared .align 4 .b8 second[4];
    mov.u32 %r1, second; cvt.u64.u32 %d1, %r1; cvta.shared.u64 %d2, %d1; cvta.to.shared.u64 %d3, %d2;
    sub.s64 %d4, %d3, %d1; st.global.u64 [%found], %d4;
    """
    assert run_ptx(code)[0] == 0


def test_dynamic_shared_memory_begins_behind_the_static_part(run_ptx: Run) -> None:
    declarations = ".extern .shared .align 8 .b8 dynamic[];"
    code = """
    .shared .align 8 .b8 fixed[8];
    st.shared.u32 [fixed], 1; st.shared.u32 [dynamic], 2;
    ld.shared.u32 %r1, [fixed]; ld.shared.u32 %r2, [dynamic]; st.global.v2.u32 [%found], {%r1, %r2};
    """
    assert run_ptx(code, declarations=declarations)[0] == (2 << 32) + 1


@pytest.mark.parametrize(
    ("operation", "given", "left"),
    [
        ("add.u32", "5", 15),
        ("min.s32", "-1", 0xFFFFFFFF),
        ("max.u32", "50", 50),
        ("and.b32", "2", 2),
        ("or.b32", "5", 15),
        ("xor.b32", "3", 9),
        ("exch.b32", "7", 7),
        ("cas.b32", "10, 99", 99),
        ("cas.b32", "11, 99", 10),
        ("inc.u32", "10", 0),
        ("dec.u32", "20", 9),
    ],
)
def test_atomic_updates_return_the_old_value(run_ptx: Run, operation: str, given: str, left: int) -> None:
    code = f"atom.global.{operation} %r1, [%given], {given}; ld.global.u32 %r2, [%given]; "
    found = run_ptx(code + "st.global.v2.u32 [%found], {%r1, %r2};", np.array([10], np.uint32))[0]
    assert found == (left << 32) + 10


def test_loop_and_predicates(run_ptx: Run) -> None:
    code = """
    mov.u32 %r1, 0; mov.u32 %r2, 0;
    again: add.s32 %r2, %r2, %r1; add.s32 %r1, %r1, 1; setp.lt.s32 %p1, %r1, 10; @%p1 bra again;
    @!%p1 bra.uni end; mov.u32 %r2, 0;
    end: st.global.u32 [%found], %r2;
    """
    assert run_ptx(code)[0] == 45


def test_function_is_called_with_its_own_registers(run_ptx: Run) -> None:
    declarations = """
    .func (.param .b32 result) twice(.param .b32 value)
    { .reg .b32 %r<3>; ld.param.u32 %r1, [value]; add.s32 %r2, %r1, %r1; st.param.b32 [result], %r2; ret; }
    """
    code = """
    mov.u32 %r1, 21;
    { .param .b32 param0; st.param.b32 [param0], %r1; .param .b32 retval0;
      call.uni (retval0), twice, (param0); ld.param.b32 %r2, [retval0]; }
    st.global.v2.u32 [%found], {%r1, %r2};
    """
    assert run_ptx(code, declarations=declarations)[0] == (42 << 32) + 21


def test_barrier_makes_writes_of_other_threads_visible(run_ptx: Run) -> None:
    code = """
    .shared .align 4 .b8 cache[1024];
    mov.u32 %r5, cache; shl.b32 %r1, %thread, 2; add.s32 %r1, %r5, %r1; st.shared.u32 [%r1], %thread;
    bar.sync 0;
    sub.s32 %r2, 199, %thread; shl.b32 %r2, %r2, 2; add.s32 %r2, %r5, %r2; ld.shared.u32 %r3, [%r2];
    st.global.u32 [%found], %r3;
    """
    np.testing.assert_array_equal(run_ptx(code, threads=200), 199 - np.arange(200))


LANES = np.arange(32)


@pytest.mark.parametrize(
    ("shuffle", "sources"),
    [
        ("down.b32 %r2|%p1, %r1, 4, 31", np.where(LANES + 4 < 32, LANES + 4, LANES)),
        ("up.b32 %r2|%p1, %r1, 3, 0", np.where(LANES >= 3, LANES - 3, LANES)),
        ("bfly.b32 %r2|%p1, %r1, 16, 31", LANES ^ 16),
        ("idx.b32 %r2|%p1, %r1, 5, 31", np.full(32, 5)),
        ("down.b32 %r2|%p1, %r1, 1, 0x181F", np.where(LANES % 8 < 7, LANES + 1, LANES)),  # segments of eight lanes
        ("idx.b32 %r2|%p1, %r1, 2, 0x181F", LANES // 8 * 8 + 2),
    ],
)
def test_shuffles_read_registers_of_other_lanes(run_ptx: Run, shuffle: str, sources: np.ndarray) -> None:
    code = f"mul.lo.s32 %r1, %thread, 10; shfl.sync.{shuffle}, -1; selp.u32 %r3, 1, 0, %p1; "
    found = run_ptx(code + "st.global.v2.u32 [%found], {%r2, %r3};", threads=64)
    np.testing.assert_array_equal(found & 0xFFFFFFFF, 10 * np.concatenate([sources, 32 + sources]))
    inside = sources != LANES if "down" in shuffle or "up" in shuffle else np.ones(32, bool)
    np.testing.assert_array_equal(found >> 32, np.tile(inside, 2))


@pytest.mark.parametrize(
    ("question", "mode", "wanted"),
    [
        ("setp.lt.u32 %p1, %thread, 3", "ballot.b32 %r1", 7),
        ("setp.lt.u32 %p1, %thread, 3", "any.pred %p2", 1),
        ("setp.lt.u32 %p1, %thread, 3", "all.pred %p2", 0),
        ("setp.lt.u32 %p1, %thread, 3", "uni.pred %p2", 0),
        ("setp.lt.u32 %p1, %thread, 99", "all.pred %p2", 1),
        ("setp.gt.u32 %p1, %thread, 99", "uni.pred %p2", 1),
        ("setp.gt.u32 %p1, %thread, 99", "any.pred %p2", 0),
    ],
)
def test_votes(run_ptx: Run, question: str, mode: str, wanted: int) -> None:
    code = f"{question}; vote.sync.{mode}, %p1, -1; "
    code += "selp.u32 %r1, 1, 0, %p2; " if "pred" in mode else ""
    assert run_ptx(code + "st.global.u32 [%found], %r1;", threads=32).tolist() == 32 * [wanted]


def test_threads_that_have_ended_are_not_waited_for(run_ptx: Run) -> None:
    code = "setp.ge.u32 %p1, %thread, 5; @%p1 ret; bar.sync 0; bar.warp.sync -1; st.global.u32 [%found], 1;"
    assert run_ptx(code, threads=40).sum() == 5


@pytest.mark.parametrize(
    "code",
    [
        "setp.lt.u32 %p1, %thread, 3; @%p1 bar.sync 1; bar.sync 0;",
        "bar.sync 0, 128;",
        "setp.lt.u32 %p1, %thread, 3; @%p1 bra wait; bar.warp.sync -1; wait: bar.sync 0;",
    ],
    ids=["barriers of two numbers", "too few threads", "a warp that is not complete"],
)
def test_kernel_that_would_hang_is_a_fault(run_ptx: Run, refused: Callable[..., Any], code: str) -> None:
    with refused(KernelFault, "^the kernel 'tested' cannot continue: its threads wait for each other forever"):
        run_ptx(code, threads=64)


def test_trap_is_a_fault(run_ptx: Run, refused: Callable[..., Any]) -> None:
    with refused(KernelFault, "it executed a trap"):
        run_ptx("trap;")


def test_more_shared_memory_than_there_is_is_a_fault(run_ptx: Run, refused: Callable[..., Any]) -> None:
    with refused(KernelFault, "more shared memory than a block has"):
        run_ptx(".shared .b8 large[300000];")


@pytest.mark.parametrize(
    "instruction",
    [
        "bar.red.popc.u32 %r0, 0, %p1",
        "shfl.down.b32 %r0, %r1, 1, 31",
        "vote.sync.most.pred %p1, %p2, -1",
        "atom.global.add.noftz.f16x2 %r0, [%given], %r1",
        "ld.global.b128 %d0, [%given]",
        "ld.quickly.u32 %r0, [%given]",
        "cvta.to.nowhere.u64 %d0, %d1",
        "call.uni vprintf, (%d0)",
        "ld.global.u32 %r0, %given",
        "brx.idx %r0, targets",
    ],
)
def test_instructions_without_translation_are_quoted(
    run_ptx: Run, refused: Callable[..., Any], instruction: str
) -> None:
    with refused(
        Unsupported, f"^the PTX instruction `{re.escape(instruction).replace(', ', '.*')}` cannot be emulated"
    ):
        run_ptx(f"{instruction};")
