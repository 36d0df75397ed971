"""The outbox: messages commit with what they tell of, receivers are leased like tasks, and nothing is sent too early,
too late or to the wrong one. On both databases."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from contract.store.rows import Rows, url_of
from reelway.domain import decide
from reelway.domain.delivery import NEWEST_ONLY, Message, Receiver, attempted, settle
from reelway.domain.events import Announcement, Event, EventType, event_of
from reelway.domain.ids import AccountId, DeliveryId, EndpointId, EventId, ReceiverId, WorkerId
from reelway.domain.task import State, Task
from reelway.domain.webhooks import (
    ENDPOINTS_MAX,
    DeliveryFilter,
    Endpoint,
    EndpointStatus,
    EventFilter,
    Secrets,
)
from reelway.store.store import Store
from support.clock import FakeClock
from unit.builders import US

pytestmark = pytest.mark.anyio

ME, OTHER = WorkerId("me"), WorkerId("other")
CALLBACK = {"callback_url": "https://hooks.example.com/x", "callback_policy": NEWEST_ONLY}


def announce(event: Event, task: Task) -> Announcement:
    """As a dialect would, in a few bytes."""
    webhook = f"webhook {task.id}".encode() if event.type is not None else None
    callback = f"{event.status} {task.id}".encode() if task.callback_policy is not None else None
    return Announcement(webhook, callback)


@pytest.fixture
def telling(store: Store) -> Iterator[Store]:
    """The same database, through a store that says something of what happens."""
    found = Store(url_of(store), announce=announce)
    yield found
    found.close()


@pytest.fixture
def told(telling: Store, clock: FakeClock) -> Rows:
    return Rows(telling, clock)


_numbers = iter(range(1_000_000))


async def endpoint(rows: Rows, account_id: AccountId, **changes: object) -> Endpoint:
    now_us = rows.clock.now_us()
    plain = Endpoint(
        id=EndpointId(f"whend_{next(_numbers):026}"),
        account_id=account_id,
        name="n",
        url="https://hooks.example.com/",
        event_types=tuple(EventType),
        status=EndpointStatus.ACTIVE,
        secrets=Secrets("sealed"),
        secret_preview="p",
        created_at_us=now_us,
        updated_at_us=now_us,
    )
    made = replace(plain, **changes)  # type: ignore[arg-type]
    assert await rows.store.outbox.add_endpoint(made)
    return made


async def claimed(rows: Rows, worker: WorkerId = ME, *, is_failing: bool = False, limit: int = 100) -> list[Receiver]:
    now_us = rows.clock.now_us()
    found = await rows.store.outbox.claim(
        worker, is_failing=is_failing, now_us=now_us, until_us=now_us + 30 * US, limit=limit
    )
    return list(found)


async def waiting(rows: Rows, receiver: str) -> list[Message]:
    lane = await rows.store.outbox.lane(ReceiverId(receiver), rows.clock.now_us(), 100)
    return list(lane.messages)


async def attempt(rows: Rows, message: Message, status: int, since_us: int | None = None) -> None:
    now_us = rows.clock.now_us()
    delivery_id = DeliveryId(f"whd_{next(_numbers):026}")
    await rows.store.outbox.record([settle(message, attempted(status, None, now_us, 1), since_us, delivery_id)])


# --- in ---------------------------------------------------------------------------------------------------------------


async def test_an_event_and_its_messages_come_with_the_transition(told: Rows) -> None:
    account_id = await told.account()
    first, second = await endpoint(told, account_id), await endpoint(told, account_id)
    await endpoint(told, account_id, event_types=(EventType.SUCCEEDED,))
    await endpoint(told, account_id, status=EndpointStatus.DISABLED, disabled_at_us=1)
    await endpoint(told, await told.account())
    task = await told.in_state(account_id, State.CANCELLED)
    event = event_of(task)
    found = await told.store.outbox.event(event.id)
    assert found is not None
    assert (found.body, found.type, found.task_id) == (f"webhook {task.id}".encode(), EventType.FAILED, task.id)
    assert {receiver.id for receiver in await claimed(told)} == {first.id, second.id}
    (message,) = await waiting(told, first.id)
    assert (message.event_id, message.body, message.attempt) == (event.id, found.body, 0)


async def test_a_transition_that_came_too_late_tells_nobody(told: Rows) -> None:
    account_id = await told.account()
    await endpoint(told, account_id)
    task = await told.created(account_id)
    both = [decide.cancelled(task, told.clock.now_us()), decide.expired(task, told.clock.now_us())]
    applied = await asyncio.gather(*(told.store.apply(one) for one in both))
    assert sorted(applied) == [False, True]
    assert told.counts()["messages"] == told.counts()["webhook_events"] == 1


async def test_a_failed_commit_leaves_no_message(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    task = await told.created(account_id)
    broken = replace(decide.cancelled(task, told.clock.now_us()).task, final_credits=7)
    with pytest.raises(Exception, match="final_credits"):
        await told.store.apply(replace(decide.cancelled(task, told.clock.now_us()), task=broken))
    assert told.counts()["messages"] == told.counts()["webhook_events"] == 0
    assert not await waiting(told, made.id)


async def test_without_endpoints_the_event_is_kept_all_the_same(told: Rows) -> None:
    account_id = await told.account()
    task = await told.in_state(account_id, State.SUCCEEDED)
    assert told.counts()["messages"] == told.counts()["receivers"] == 0
    assert await told.store.outbox.event(event_of(task).id) is not None


async def test_a_create_tells_a_callback_that_wants_every_status(told: Rows) -> None:
    account_id = await told.account()
    task = await told.created(account_id, **CALLBACK)
    (receiver,) = await claimed(told)
    (message,) = await waiting(told, receiver.id)
    assert (message.body, message.url) == (f"queued {task.id}".encode(), CALLBACK["callback_url"])


async def test_a_newer_status_takes_the_place_of_an_older_one(told: Rows) -> None:
    account_id = await told.account()
    task = await told.in_state(account_id, State.SUCCEEDED, **CALLBACK)
    (receiver,) = await claimed(told)
    (message,) = await waiting(told, receiver.id)
    assert message.body == f"succeeded {task.id}".encode()


async def test_commits_that_tell_somebody_wake_the_deliverers_and_others_do_not(told: Rows) -> None:
    account_id = await told.account()
    async with told.store.outbox.watch() as put:
        await told.in_state(account_id, State.CANCELLED)
        await asyncio.sleep(0)
        assert not put.is_set()
        await endpoint(told, account_id)
        await told.in_state(account_id, State.CANCELLED)
        async with asyncio.timeout(10):
            await put.wait()


# --- lanes ------------------------------------------------------------------------------------------------------------


async def test_a_receiver_is_claimed_once_until_it_is_let_go(told: Rows) -> None:
    account_id = await told.account()
    for _ in range(10):
        await endpoint(told, account_id)
    await told.in_state(account_id, State.CANCELLED)
    found = await asyncio.gather(*(claimed(told, WorkerId(f"w{n}"), limit=3) for n in range(8)))
    ids = [receiver.id for claim in found for receiver in claim]
    assert len(ids) == len(set(ids)) == 10
    holder = next(number for number, claim in enumerate(found) if claim)
    released = found[holder][0].id
    await told.store.outbox.release(released, WorkerId(f"w{holder}"), told.clock.now_us())
    assert [receiver.id for receiver in await claimed(told, OTHER)] == [released]


async def test_only_who_holds_a_receiver_can_let_it_go(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    await told.in_state(account_id, State.CANCELLED)
    await claimed(told, ME)
    await told.store.outbox.release(ReceiverId(made.id), OTHER, told.clock.now_us())
    assert await claimed(told, OTHER) == []


async def test_a_message_that_comes_while_its_receiver_is_served_is_not_forgotten(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    await told.in_state(account_id, State.CANCELLED)
    await claimed(told)
    (first,) = await waiting(told, made.id)
    await told.in_state(account_id, State.CANCELLED)
    await attempt(told, first, 200)
    await told.store.outbox.release(ReceiverId(made.id), ME, told.clock.now_us())
    assert [receiver.id for receiver in await claimed(told)] == [made.id]
    assert len(await waiting(told, made.id)) == 1


async def test_messages_of_a_receiver_come_in_the_order_of_their_events(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    tasks = [await told.in_state(account_id, State.CANCELLED) for _ in range(20)]
    assert [message.task_id for message in await waiting(told, made.id)] == [task.id for task in tasks]


async def test_a_failure_puts_the_message_off_and_the_receiver_into_the_other_room(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    await told.in_state(account_id, State.CANCELLED)
    await claimed(told)
    (message,) = await waiting(told, made.id)
    await attempt(told, message, 500)
    await told.store.outbox.release(ReceiverId(made.id), ME, told.clock.now_us())
    assert await claimed(told) == await claimed(told, is_failing=True) == []
    assert await told.store.outbox.is_any_due(told.clock.now_us()) == {False: False, True: False}
    told.clock.advance(7)
    assert await told.store.outbox.is_any_due(told.clock.now_us()) == {False: False, True: True}
    assert await claimed(told) == []
    (receiver,) = await claimed(told, is_failing=True)
    assert (receiver.id, receiver.failure_count) == (made.id, 1)
    (again,) = await waiting(told, made.id)
    assert (again.tries, again.attempt, again.body) == (1, 1, message.body)
    await attempt(told, again, 200)
    found = await told.store.outbox.endpoint(made.id)
    assert found is not None
    assert (found.failure_count, found.last_success_at_us is None) == (0, False)
    assert told.counts()["messages"] == 0


async def test_a_late_record_of_a_worker_that_lost_its_lease_moves_nothing_back(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    await told.in_state(account_id, State.CANCELLED)
    (message,) = await waiting(told, made.id)
    await attempt(told, message, 500)
    told.clock.advance(7)
    (again,) = await waiting(told, made.id)
    await attempt(told, again, 500)
    due = told.sql("SELECT due_at_us, tries, attempt FROM messages")
    await attempt(told, message, 500)
    assert told.sql("SELECT due_at_us, tries, attempt FROM messages") == due
    assert told.counts()["deliveries"] == 3


async def test_leases_end_with_their_worker_or_their_time(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    await told.in_state(account_id, State.CANCELLED)
    await claimed(told, ME)
    assert ME in await told.store.lease_owners()
    await told.store.outbox.prolong(ME, (ReceiverId(made.id),), told.clock.now_us() + 100 * US)
    told.clock.advance(60)
    await told.store.end_lost_leases(told.clock.now_us())
    assert await claimed(told, OTHER) == []
    await told.store.end_leases_of(ME, told.clock.now_us())
    assert len(await claimed(told, OTHER)) == 1
    told.clock.advance(31)
    await told.store.end_lost_leases(told.clock.now_us())
    assert len(await claimed(told, ME)) == 1


async def test_a_heartbeat_prolongs_the_named_receivers_of_its_worker_only(told: Rows) -> None:
    account_id = await told.account()
    served, left, others = [ReceiverId((await endpoint(told, account_id)).id) for _ in range(3)]
    await told.in_state(account_id, State.CANCELLED)
    now_us = told.clock.now_us()
    await claimed(told, ME)
    told.change("UPDATE receivers SET lease_owner = 'other' WHERE id = :id", id=others)
    await told.store.outbox.prolong(ME, (served, others), now_us + 100 * US)
    told.clock.advance(31)
    await told.store.end_lost_leases(told.clock.now_us())
    assert {receiver.id for receiver in await claimed(told, OTHER)} == {left, others}


async def test_rounds_that_touch_the_same_receivers_in_any_order_all_go_through(told: Rows) -> None:
    """Claims, records, releases and new messages for the same twenty receivers, side by side."""
    account_id = await told.account(1_000_000)
    for _ in range(ENDPOINTS_MAX):
        await endpoint(told, account_id)

    async def tell() -> None:
        for _ in range(5):
            await told.in_state(account_id, State.CANCELLED)

    async def serve(worker: WorkerId) -> None:
        for _ in range(15):
            for receiver in await claimed(told, worker, limit=7):
                for message in await waiting(told, receiver.id):
                    await attempt(told, message, 200)
                await told.store.outbox.release(receiver.id, worker, told.clock.now_us())

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(tell())
            group.create_task(serve(WorkerId(f"w{number}")))
    await serve(ME)
    assert told.counts()["messages"] == 0
    assert told.sql("SELECT count(*) FROM receivers WHERE lease_owner IS NOT NULL OR due_at_us IS NOT NULL") == [(0,)]
    events = told.counts()["webhook_events"]
    assert events == 20
    told_twice = told.sql("SELECT event_id FROM deliveries GROUP BY event_id, receiver HAVING count(*) > 1")
    assert told_twice == []
    assert told.counts()["deliveries"] == events * ENDPOINTS_MAX


# --- disabling, replay, lists -----------------------------------------------------------------------------------------


async def test_gone_disables_and_drops_what_waits(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    for _ in range(3):
        await told.in_state(account_id, State.CANCELLED)
    await attempt(told, (await waiting(told, made.id))[0], 410)
    found = await told.store.outbox.endpoint(made.id)
    assert found is not None
    assert (found.status, found.disabled_at_us is None) == (EndpointStatus.DISABLED, False)
    assert told.counts()["messages"] == 0
    await told.in_state(account_id, State.CANCELLED)
    assert told.counts()["messages"] == 0


async def test_what_waits_for_an_endpoint_that_is_active_again_is_not_dropped(told: Rows) -> None:
    account_id, outbox = await told.account(), told.store.outbox
    made = await endpoint(told, account_id)
    disabled = {"status": EndpointStatus.DISABLED.value, "disabled_at_us": told.clock.now_us()}
    active = {"status": EndpointStatus.ACTIVE.value, "disabled_at_us": None}
    await outbox.change_endpoint(made.id, disabled, told.clock.now_us())
    await outbox.change_endpoint(made.id, active, told.clock.now_us())
    await told.in_state(account_id, State.CANCELLED)
    await outbox.drop_messages(ReceiverId(made.id))  # by somebody who saw it disabled
    assert len(await waiting(told, made.id)) == 1
    await outbox.change_endpoint(made.id, disabled, told.clock.now_us())
    await outbox.drop_messages(ReceiverId(made.id))
    assert told.counts()["messages"] == 0


async def test_a_replay_counts_attempts_on_and_resets_tries(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    await told.in_state(account_id, State.CANCELLED)
    (message,) = await waiting(told, made.id)
    await attempt(told, message, 200)
    again = replace(message, due_at_us=told.clock.now_us())
    await told.store.outbox.replay(message.event_id, (again,))
    (found,) = await waiting(told, made.id)
    assert (found.attempt, found.tries, found.body) == (1, 0, message.body)
    await attempt(told, found, 500)
    assert await waiting(told, made.id) == []
    await told.store.outbox.replay(message.event_id, (replace(message, due_at_us=told.clock.now_us()),))
    (found,) = await waiting(told, made.id)
    assert (found.attempt, found.tries) == (2, 0)


@pytest.mark.parametrize("tries", [0, 1, 4, 7])
async def test_a_replay_during_a_failed_attempt_is_not_lost(told: Rows, tries: int) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    await told.in_state(account_id, State.CANCELLED)
    told.change("UPDATE messages SET tries = :tries, attempt = :tries", tries=tries)
    (message,) = await waiting(told, made.id)
    told.clock.advance(1)
    now_us = told.clock.now_us()
    await told.store.outbox.replay(message.event_id, (replace(message, tries=0, due_at_us=now_us),))
    await attempt(told, message, 500)
    (found,) = await waiting(told, made.id)
    assert (found.tries, found.attempt, found.due_at_us) == (0, tries + 1, now_us)
    await attempt(told, found, 500)
    assert told.sql("SELECT tries, attempt FROM messages") == [(1, tries + 2)]


async def test_a_replay_during_an_attempt_that_delivers_needs_no_other(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    await told.in_state(account_id, State.CANCELLED)
    (message,) = await waiting(told, made.id)
    told.clock.advance(1)
    await told.store.outbox.replay(message.event_id, (replace(message, due_at_us=told.clock.now_us()),))
    await attempt(told, message, 200)
    assert told.counts()["messages"] == 0


async def test_an_account_cannot_get_a_twenty_first_endpoint_by_asking_at_once(told: Rows) -> None:
    account_id = await told.account()
    template = await endpoint(told, account_id)
    more = [replace(template, id=EndpointId(f"whend_{next(_numbers):026}")) for _ in range(40)]
    results = await asyncio.gather(*(told.store.outbox.add_endpoint(one) for one in more))
    assert sum(results) == ENDPOINTS_MAX - 1


async def test_lists_go_newest_first_and_page(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    tasks = []
    for _ in range(5):
        tasks.append(await told.in_state(account_id, State.CANCELLED))
        told.clock.advance(1)
    ids = [event_of(task).id for task in tasks][::-1]
    page = await told.store.outbox.events(EventFilter(account_id, 3))
    assert ([event.id for event in page.events], page.has_more) == (ids[:3], True)
    rest = await told.store.outbox.events(EventFilter(account_id, 3, after=page.events[-1].id))
    assert ([event.id for event in rest.events], rest.has_more) == (ids[3:], False)
    for message in await waiting(told, made.id):
        await attempt(told, message, 200)
    deliveries = await told.store.outbox.deliveries(DeliveryFilter(made.id, 100))
    assert [one.event_id for one in deliveries.deliveries] == ids
    only = await told.store.outbox.deliveries(DeliveryFilter(made.id, 100, event_id=EventId(ids[2])))
    assert [one.event_id for one in only.deliveries] == [ids[2]]
    found = await told.store.outbox.events(EventFilter(account_id, 100))
    assert {(event.attempts, event.is_delivered) for event in found.events} == {(1, True)}


async def test_idle_callback_lanes_are_forgotten_and_others_kept(told: Rows) -> None:
    account_id = await told.account()
    made = await endpoint(told, account_id)
    await told.in_state(account_id, State.SUCCEEDED, **CALLBACK)
    await told.created(account_id, **CALLBACK | {"callback_url": "https://hooks.example.com/waiting"})
    for receiver in await claimed(told):
        for message in await waiting(told, receiver.id):
            if message.url != "https://hooks.example.com/waiting":
                await attempt(told, message, 200)
        await told.store.outbox.release(receiver.id, ME, told.clock.now_us())
    assert told.counts()["receivers"] == 3
    await told.store.outbox.purge_receivers(told.clock.now_us() + US, 100)
    left = {receiver for (receiver,) in told.sql("SELECT id FROM receivers")}
    assert made.id in left
    assert len(left) == 2
