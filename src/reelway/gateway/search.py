"""Search: find tasks by what is remembered of them: an id of ours or of the caller's, words of the prompt, a filter."""

from dataclasses import replace

from reelway.domain.ids import TaskId, is_task_id
from reelway.domain.intents import Caller
from reelway.domain.lookups import TEXT_LENGTH_MAX, TaskFinds, TaskSearch
from reelway.gateway.core import Core
from reelway.gateway.operator import is_operator, sees


async def search_tasks(core: Core, viewer: Caller, wanted: TaskSearch) -> TaskFinds:
    """One page of what the viewer sees. What stands in `text` is first looked for as an id, then in prompts."""
    if not is_operator(viewer):
        wanted = replace(wanted, account_id=viewer.account_id)
    text = wanted.text.strip()[:TEXT_LENGTH_MAX]
    if not text:
        return await core.store.lookups.tasks(replace(wanted, text=""))
    if is_task_id(text):
        task = await core.store.task(TaskId(text))
        is_seen = task is not None and task.deleted_at_us is None and sees(viewer, task.account_id)
        return TaskFinds((task,) if task is not None and is_seen else ())
    if wanted.before is None:
        found = await core.store.lookups.tasks(replace(wanted, text="", own_id=text))
        if found.tasks:
            return replace(found, before=None, is_cut=False)
    return await core.store.lookups.tasks(replace(wanted, text=text))
