"""What is said when kernels are compiled."""

from numba import njit

from nextitem.nn.kernels.compiling import told_of_compilation


def test_compilation_is_told_once_and_only_where_there_is_one() -> None:
    one, other = njit(lambda x: x + 1), njit(lambda x: x + 2)
    told: list[str] = []
    with told_of_compilation(lambda: told.append("compiling")):
        assert told == []
        assert (one(1), other(1), one(2)) == (2, 3, 3)
        assert told == ["compiling"]
    with told_of_compilation(lambda: told.append("again")):
        one(3)
    njit(lambda x: x)(1)  # nobody listens any more
    assert told == ["compiling"]
