"""Whose things a viewer sees: everybody their own, an operator (scope `admin`) those of all accounts."""

from dataclasses import replace

from reelway.domain.errors import NotFoundError
from reelway.domain.ids import AccountId, TaskId
from reelway.domain.intents import Caller
from reelway.domain.records import Account, Scope
from reelway.domain.task import Task
from reelway.gateway.core import Core


def is_operator(viewer: Caller) -> bool:
    return Scope.ADMIN in viewer.scopes


def sees(viewer: Caller, account_id: AccountId) -> bool:
    return viewer.account_id == account_id or is_operator(viewer)


def acting_for(viewer: Caller, account_id: AccountId) -> Caller:
    """The viewer in the place of an account whose things they see; what they may do stays what their key may."""
    assert sees(viewer, account_id), "a viewer acts only for accounts that they see"
    return viewer if viewer.account_id == account_id else replace(viewer, account_id=account_id)


async def seen_task(core: Core, viewer: Caller, task_id: TaskId) -> Task:
    """Raises: NotFoundError: no such task, one of an account that the viewer does not see, or a deleted one."""
    task = await core.store.task(task_id)
    if task is None or task.deleted_at_us is not None or not sees(viewer, task.account_id):
        raise NotFoundError("task")
    return task


async def seen_account(core: Core, viewer: Caller, account_id: AccountId) -> Account:
    """Raises: NotFoundError: no such account, or one that the viewer does not see."""
    account = await core.store.account(account_id) if sees(viewer, account_id) else None
    if account is None:
        raise NotFoundError("account")
    return account


async def all_accounts(core: Core, viewer: Caller) -> tuple[Account, ...]:
    """Every account for an operator, the own one for others."""
    if is_operator(viewer):
        return tuple(await core.store.accounts())
    return (await seen_account(core, viewer, viewer.account_id),)
