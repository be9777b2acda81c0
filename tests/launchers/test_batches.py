"""Runs as arrays of tasks: every need is waited for, by the task of the same index alone."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from glam_eval.launchers.batches import batches


@dataclass(frozen=True)
class Node:
    """As much of a planned run as dividing takes."""

    run_id: str
    needs: tuple[str, ...] = ()


def divided(runs, slot=0.0, largest=1000, seconds=10.0):
    return batches(runs, dict.fromkeys((run.run_id for run in runs), seconds), slot, largest)


def test_independent_runs_are_one_array_of_a_task_each():
    (only,) = divided([Node(name) for name in "abc"])
    assert only.tasks == {0: ["a"], 1: ["b"], 2: ["c"]} and only.after == ()


def test_short_runs_share_a_task_as_far_as_their_time_allows():
    (only,) = divided([Node(name) for name in "abcde"], slot=25.0)
    assert only.tasks == {0: ["a", "b"], 1: ["c", "d"], 2: ["e"]}


def test_chains_are_arrays_that_follow_each_other_index_by_index():
    runs = [
        Node("teacher0"),
        Node("shown0", ("teacher0",)),
        Node("clone0", ("shown0",)),
        Node("alone"),
        Node("teacher1"),
        Node("shown1", ("teacher1",)),
        Node("clone1", ("shown1",)),
    ]
    first, second, third = divided(runs)
    assert first.tasks == {0: ["teacher0"], 1: ["alone"], 2: ["teacher1"]}
    assert second.tasks == {0: ["shown0"], 2: ["shown1"]} and second.after == (0,)
    assert third.tasks == {0: ["clone0"], 2: ["clone1"]} and third.after == (1,)


def test_two_clones_of_one_teacher_go_side_by_side():
    first, second, third = divided([Node("t"), Node("a", ("t",)), Node("b", ("t",))])
    assert (second.tasks, third.tasks) == ({0: ["a"]}, {0: ["b"]})
    assert second.after == third.after == (0,)
    assert first.tasks == {0: ["t"]}


def test_what_is_finished_is_not_waited_for():
    (only,) = divided([Node("clone", ("finished",))])
    assert only.tasks == {0: ["clone"]} and only.after == ()


def test_no_array_has_more_indices_than_allowed():
    made = divided([Node(str(number)) for number in range(7)], largest=3)
    assert [sorted(batch.tasks) for batch in made] == [[0, 1, 2], [0, 1, 2], [0]]


@st.composite
def graphs(draw):
    runs = []
    for number in range(draw(st.integers(1, 12))):
        names = [run.run_id for run in runs]
        needs = draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) if names else []
        runs.append(Node(str(number), tuple(needs)))
    return runs


@given(graphs(), st.sampled_from([0.0, 15.0, 35.0]), st.integers(1, 4))
def test_every_run_is_there_once_and_every_need_comes_before_it(runs, slot, largest):
    made = divided(runs, slot, largest)
    place = {
        run_id: (number, index, position)
        for number, batch in enumerate(made)
        for index, task in batch.tasks.items()
        for position, run_id in enumerate(task)
    }
    assert sorted(place) == sorted(run.run_id for run in runs)
    assert sum(len(task) for batch in made for task in batch.tasks.values()) == len(runs)
    for run in runs:
        number, index, _ = place[run.run_id]
        for need in run.needs:
            earlier, same, _ = place[need]
            assert same == index and earlier in made[number].after
    for batch in made:
        for earlier in batch.after:  # Slurm cancels a task whose index the array before does not have
            assert set(batch.tasks) <= set(made[earlier].tasks)
