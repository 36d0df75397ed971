"""A state machine over the real store: random commands, late and repeated ones too, and the laws of the house after
each of them, looked up in the tables themselves."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contract.store.rows import Rows
from property.decisions import ASKED_IN, DECISIONS, FORWARD, decided
from reelway.clock import new_id
from reelway.domain.ids import AccountId, TaskId, TransferId, WorkerId
from reelway.domain.ledger import adjust, grant
from reelway.domain.records import ClaimMismatch, Created, ExternalIdTaken, Replayed, TooFewCredits, TooManyUnfinished
from reelway.domain.task import State, Task
from reelway.store.files import Deletion, Purge
from reelway.store.store import Store
from support.clock import FakeClock
from support.databases import put_sqlite
from unit.builders import US

ACCOUNTS = 2
NAMES = st.sampled_from(sorted(DECISIONS))
NUMBERS = st.integers(0, 10**6)
WORKERS = st.sampled_from([WorkerId("one"), WorkerId("other")])


class Lifecycle(RuleBasedStateMachine):
    """`rows` keeps every version of every task that was ever seen, so that a step can be late."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "reelway.db"
        put_sqlite(path)
        self._url = f"sqlite:///{path}"
        self._loop = asyncio.Runner()
        self._store = Store.open(self._url)
        self._clock = FakeClock()
        self._rows = Rows(self._store, self._clock)
        self.accounts: list[AccountId] = []
        self.granted: dict[AccountId, int] = {}
        self.rows: dict[TaskId, list[Task]] = {}
        self.forgotten: set[TaskId] = set()
        self.claims: dict[str, tuple[str, bytes]] = {}
        self.external: dict[tuple[AccountId, str], TaskId] = {}

    def teardown(self) -> None:
        self._store.close()
        self._loop.close()
        self._folder.cleanup()

    def run(self, work: Any) -> Any:
        return self._loop.run(work)

    # --- what the machine knows ---------------------------------------------------------------------------------------

    def now(self, task_id: TaskId) -> Task:
        return self.rows[task_id][-1]

    def alive(self, account: AccountId | None = None) -> list[Task]:
        latest = [rows[-1] for task_id, rows in self.rows.items() if task_id not in self.forgotten]
        return [task for task in latest if account in (None, task.account_id)]

    def unfinished(self, account: AccountId) -> list[Task]:
        return [task for task in self.alive(account) if not task.is_final]

    def available(self, account: AccountId) -> int:
        """From the machine's own books: what was given, less what is held or was charged."""
        ever = [rows[-1] for rows in self.rows.values() if rows[-1].account_id == account]
        return self.granted[account] - sum(task.final_credits if task.is_final else task.price_credits for task in ever)

    def seen(self, task: Task) -> None:
        self.rows.setdefault(task.id, []).append(task)

    def pick(self, number: int) -> Task | None:
        tasks = sorted(self.alive(), key=lambda task: task.id)
        return tasks[number % len(tasks)] if tasks else None

    # --- commands -----------------------------------------------------------------------------------------------------

    @initialize(credits=st.lists(st.integers(0, 1_500), min_size=ACCOUNTS, max_size=ACCOUNTS))
    def begin(self, credits: list[int]) -> None:
        """Each account has a few tasks under way from the start."""
        for extra in credits:
            account = self.run(self._rows.account(360 + extra))
            self.accounts.append(account)
            self.granted[account] = 360 + extra
            for _ in range(2):
                self.seen(self.run(self._rows.created(account)))

    @rule(who=st.integers(0, ACCOUNTS - 1), amount=st.integers(-600, 600).filter(bool), is_repeated=st.booleans())
    def move_credits(self, who: int, amount: int, is_repeated: bool) -> None:
        account = self.accounts[who]
        make = adjust if amount < 0 else grant
        transfer = make(TransferId(new_id("tr", 0)), account, amount, "", self._clock.now_us())
        is_possible = self.available(account) + amount >= 0
        assert self.run(self._store.move_credits(transfer)) == is_possible
        self.granted[account] += amount * is_possible
        if is_repeated and is_possible:
            assert not self.run(self._store.move_credits(transfer))

    @rule(
        who=st.integers(0, ACCOUNTS - 1),
        price=st.sampled_from([0, 1, 42, 90, 400]),
        limit=st.integers(1, 5),
        key=st.none() | st.sampled_from(["a", "b"]),
        print_=st.sampled_from(["p", "q"]),
        external=st.none() | st.sampled_from(["x", "y"]),
    )
    def create(self, who: int, price: int, limit: int, key: str | None, print_: str, external: str | None) -> None:
        account = self.accounts[who]
        claim = None if key is None else f"{account}-{key}"
        new = self._rows.new(
            account, limit=limit, key=claim, print_=print_, price_credits=price, external_task_id=external
        )
        expected = self._expected(account, price, limit, claim, print_, external)
        outcome = self.run(self._store.create_task(new))
        note(f"create: {type(outcome).__name__}")
        assert type(outcome) is expected
        if isinstance(outcome, Replayed) and claim is not None:
            assert outcome.answer.body == self.claims[claim][1]
        if not isinstance(outcome, Created):
            return
        self.seen(new.task)
        if external is not None:
            self.external[account, external] = new.task.id
        if claim is not None and new.answer is not None:
            self.claims[claim] = (print_, new.answer.body)

    def _expected(
        self, account: AccountId, price: int, limit: int, claim: str | None, print_: str, external: str | None
    ) -> type:
        if claim in self.claims:
            return Replayed if self.claims[claim][0] == print_ else ClaimMismatch
        if external is not None and (account, external) in self.external:
            return ExternalIdTaken
        if len(self.unfinished(account)) >= limit:
            return TooManyUnfinished
        return Created if self.available(account) >= price else TooFewCredits

    @precondition(lambda self: self.alive())
    @rule(number=NUMBERS, name=NAMES, age=st.integers(0, 3))
    def decide(self, number: int, name: str, age: int) -> None:
        """A step decided on the newest row, or, with an age, on one that it has already left behind."""
        task = self.pick(number)
        assert task is not None
        basis = self.rows[task.id][max(0, len(self.rows[task.id]) - 1 - age)]
        transition = decided(name, basis, self._clock.now_us())
        if transition is None:
            return
        is_applied = self.run(self._store.apply(transition))
        note(f"{name} on {basis.state} (age {age}): {is_applied}")
        assert is_applied == (basis.version == task.version)
        if is_applied:
            self.seen(transition.task)
        assert not self.run(self._store.apply(transition)), "the same again is never written"

    @precondition(lambda self: any(not task.is_final for task in self.alive()))
    @rule(number=NUMBERS, steps=st.lists(NUMBERS, min_size=1, max_size=5))
    def live(self, number: int, steps: list[int]) -> None:
        """An unfinished task goes on as a worker would take it: by an answer to what is asked in its state."""
        tasks = sorted((task for task in self.alive() if not task.is_final), key=lambda task: task.id)
        task_id = tasks[number % len(tasks)].id
        for step in steps:
            task = self.now(task_id)
            answers = [name for name, state in ASKED_IN.items() if state is task.state]
            if not answers:
                return
            answer = FORWARD[task.state] if step % 3 else answers[step % len(answers)]
            transition = decided(answer, task, self._clock.now_us())
            assert transition is not None
            assert self.run(self._store.apply(transition))
            self.seen(transition.task)
            event(f"lived to {transition.task.state}")

    @precondition(lambda self: self.alive())
    @rule(number=NUMBERS, names=st.lists(NAMES, min_size=2, max_size=5, unique=True))
    def decide_at_once(self, number: int, names: list[str]) -> None:
        """Several who looked at the same row: exactly one of them gets its way."""
        task = self.pick(number)
        assert task is not None
        found = [decided(name, task, self._clock.now_us()) for name in names]
        transitions = [transition for transition in found if transition is not None]

        async def together() -> list[bool]:
            return list(await asyncio.gather(*(self._store.apply(transition) for transition in transitions)))

        if transitions:
            applied = self.run(together())
            assert sum(applied) == 1
            self.seen(transitions[applied.index(True)].task)

    @rule(worker=WORKERS, is_started=st.booleans(), limit=st.integers(1, 4))
    def claim(self, worker: WorkerId, is_started: bool, limit: int) -> None:
        now_us = self._clock.now_us()
        models = None if is_started else ("kling-3-0",)
        claimed = self.run(
            self._store.claim(worker, models=models, now_us=now_us, until_us=now_us + 30 * US, limit=limit)
        )
        for task in claimed:
            before = self.now(task.id)
            assert before.lease_owner is None
            assert before.due_at_us is not None
            assert before.due_at_us <= now_us
            assert task.lease_owner == worker
            self.seen(task)

    @rule(worker=st.none() | WORKERS)
    def lose_leases(self, worker: WorkerId | None) -> None:
        now_us = self._clock.now_us()
        ended = self._store.end_lost_leases(now_us) if worker is None else self._store.end_leases_of(worker, now_us)
        for task_id in self.run(ended):
            task = self.run(self._store.task(task_id))
            assert (task.lease_owner, task.due_at_us) == (None, now_us)
            self.seen(task)

    @rule(seconds=st.sampled_from([-50.0, 0.5, 20.0, 40.0, 1_000.0]))
    def time_passes(self, seconds: float) -> None:
        self._clock.advance(seconds)

    @rule(limit=st.integers(1, 3))
    def forget(self, limit: int) -> None:
        """Retention of nothing: ended tasks may go at once, with their events; keys and the ledger stay."""
        ended = {task.id for task in self.alive() if task.is_final}
        far_us = self._clock.now_us() + 10**12
        done = tuple(task.id for task in self.alive() if task.state is State.SUCCEEDED)
        self.run(self._store.note_deletions(Deletion((), done, far_us)))  # a row goes after its bytes only
        self.run(self._store.purge(Purge(now_us=0, events_before_us=0, tasks_before_us=far_us, limit=limit)))
        kept = {task_id for (task_id,) in self._rows.sql("SELECT id FROM tasks")}
        gone = {task.id for task in self.alive()} - kept
        assert gone <= ended
        assert len(gone) == min(limit, len(ended))
        self.forgotten |= gone
        self.external = {key: task_id for key, task_id in self.external.items() if task_id not in gone}

    @rule()
    def restart(self) -> None:
        """The process ends properly and another goes on with the same file."""
        self._store.close()
        self._store = Store.open(self._url)
        self._rows = Rows(self._store, self._clock)

    # --- laws ---------------------------------------------------------------------------------------------------------

    @invariant()
    def every_row_is_the_last_one_that_was_written(self) -> None:
        for task in self.alive():
            assert self.run(self._store.task(task.id)) == task

    @invariant()
    def every_task_ends_at_most_once(self) -> None:
        for rows in self.rows.values():
            assert sum(row.is_final for row in rows) <= 1

    @invariant()
    def every_hold_is_resolved_exactly_when_its_task_ends_and_only_once(self) -> None:
        found = self._rows.sql("SELECT task_id, kind, amount_credits FROM transfers WHERE task_id IS NOT NULL")
        booked: dict[str, list[tuple[str, int]]] = {}
        for task_id, kind, amount in found:
            booked.setdefault(task_id, []).append((kind, amount))
        for task_id, rows in self.rows.items():
            task = rows[-1]
            kinds = ["reserve"]
            if task.is_final:
                kinds.append("settle" if task.final_credits else "release")
            expected = [(kind, task.price_credits) for kind in kinds] if task.price_credits else []
            assert sorted(booked.get(task_id, [])) == sorted(expected)

    @invariant()
    def balances_are_the_sums_of_their_rows(self) -> None:
        assert self.run(self._store.unbalanced_accounts()) == []
        for account in self.accounts:
            posted, pending, unfinished = self._rows.wallet(account)
            alive = self.unfinished(account)
            assert posted - pending == self.available(account)
            assert posted - pending >= 0
            assert pending == sum(task.price_credits for task in alive)
            assert unfinished == len(alive)

    @invariant()
    def what_is_held_lies_on_the_account_of_holds(self) -> None:
        into, out = (
            self._rows.sql(
                f"SELECT coalesce(sum(amount_credits), 0) FROM transfers WHERE {side}_account_id = 'acct_system_holds'"
            )[0][0]
            for side in ("credit", "debit")
        )
        assert into - out == sum(self._rows.wallet(account)[1] for account in self.accounts)

    @invariant()
    def events_are_exactly_the_public_statuses_that_were_passed(self) -> None:
        told: dict[str, list[int]] = {}
        for task_id, sequence in self._rows.sql("SELECT task_id, sequence FROM events ORDER BY task_id, sequence"):
            told.setdefault(task_id, []).append(sequence)
        expected = {}
        for task_id, rows in self.rows.items():
            ranks = [row.public_status.rank for row in rows]
            assert ranks == sorted(ranks), "the public status never moves backwards"
            if task_id not in self.forgotten:
                expected[task_id] = sorted(set(ranks))
        assert told == expected

    @invariant()
    def an_attempt_is_open_exactly_while_its_task_has_a_submit_or_a_job_under_way(self) -> None:
        found = self._rows.sql("SELECT task_id, count(*) FROM attempts WHERE ending IS NULL GROUP BY task_id")
        at_work = {task.id: 1 for task in self.alive() if task.state in (State.SUBMITTING, State.RUNNING)}
        assert {task_id: count for task_id, count in found} == at_work  # noqa: C416 - rows are no pairs

    @invariant()
    def every_attempt_has_a_number_up_to_its_tasks_and_every_number_an_attempt(self) -> None:
        for task in self.alive():
            found = self._rows.sql("SELECT number, ending FROM attempts WHERE task_id = :id ORDER BY 1", id=task.id)
            kept = [number for number, ending in found if ending != "throttled" or number <= task.attempt]
            assert kept == list(range(1, task.attempt + 1))

    @invariant()
    def every_finished_job_is_booked_once_and_nothing_else(self) -> None:
        booked = self._rows.sql("SELECT task_id, kind, microdollars, is_estimate FROM provider_costs")
        finished = [task_id for task_id, rows in self.rows.items() if any(row.state is State.STORING for row in rows)]
        assert sorted(booked) == sorted((task_id, "final", 1_000, 1) for task_id in finished)


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
