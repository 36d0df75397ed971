"""The queue of held jobs: by due time, whatever else is changed about them."""

from dataclasses import replace

from reelway.domain.ids import JobId, TaskId
from reelway.domain.task import State
from reelway.worker.held import DueQueue, Held, held_of
from unit.builders import NOW_US, TASK_ID, task_in


def held(number: int = 0) -> Held:
    task = task_in(State.RUNNING)
    return held_of(replace(task, id=TaskId(f"{TASK_ID}{number}"), job_id=JobId(f"job-{number}")))


def test_jobs_come_in_the_order_of_their_due_times() -> None:
    queue, jobs = DueQueue(), [held(number) for number in range(3)]
    for job, due_us in zip(jobs, (30, 10, 20), strict=True):
        queue.put(job, due_us)
    assert queue.next_us == 10
    assert queue.take(20) == [jobs[1], jobs[2]]
    assert queue.take(29) == []
    assert queue.take(30) == [jobs[0]]
    assert queue.next_us is None


def test_a_job_that_is_put_off_comes_at_its_later_time_and_only_then() -> None:
    queue, job = DueQueue(), held()
    queue.put(job, 10)
    queue.put(job, 50)
    assert queue.take(40) == []
    assert queue.take(50) == [job]
    assert queue.take(1_000) == []


def test_a_job_that_is_hurried_comes_once_at_its_earlier_time() -> None:
    queue, job = DueQueue(), held()
    queue.put(job, 50)
    queue.put(job, 10)
    assert queue.take(10) == [job]
    assert queue.take(1_000) == []


def test_a_job_that_is_put_off_again_and_again_leaves_nothing_behind() -> None:
    queue, job = DueQueue(), held()
    for due_us in range(1, 1_000):
        queue.put(job, due_us)
    assert len(queue._heap) == 1


def test_what_is_held_says_all_that_a_look_needs() -> None:
    job = held()
    assert (job.kind, job.progress) == (("scripted", "kling-3-0", "pro", 5), 0.25)
    assert job.order.generation.prompt == "A glass bottle turns slowly"
    assert job.age_s(job.order.since_us + 1_500_000) == 1.5
    assert job.deadline_us > NOW_US
