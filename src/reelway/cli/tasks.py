"""`reelway tasks`: look at tasks of all accounts, and stop one."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from reelway.cli.animatic import shot_rows
from reelway.cli.attempts import print_attempts, shown_attempts
from reelway.cli.operator import AccountOption, JsonOption, find_account, with_core
from reelway.cli.output import ExitCode, escaped, fail, out, print_json, print_table, time_text
from reelway.domain.decide import US, result_of
from reelway.domain.errors import NotCancellableError
from reelway.domain.generation import generation_of
from reelway.domain.ids import KeyId, TaskId, is_task_id
from reelway.domain.intents import Caller, CancelTask
from reelway.domain.records import ALL_SCOPES, TaskFilter
from reelway.domain.task import PublicStatus, Task
from reelway.gateway.attempts import TaskAttempts, attempts_of
from reelway.gateway.cancel import cancel_task
from reelway.gateway.core import Core
from reelway.gateway.understanding import understanding_of

app = typer.Typer(help="List, show and cancel tasks.", no_args_is_help=True)

TaskArgument = Annotated[str, typer.Argument(help="Task id.")]
_PROMPT_SHOWN = 48


@app.command(name="list")
def list_tasks(
    account: AccountOption = None,
    status: Annotated[PublicStatus | None, typer.Option(help="Only tasks with this status.")] = None,
    model: Annotated[str | None, typer.Option(help="Only tasks of this model.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many, newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List tasks, newest first."""

    async def work(core: Core) -> tuple[Task, ...]:
        owner = (await find_account(core, account)).id if account is not None else None
        page = await core.store.list_tasks(TaskFilter(owner, limit, status=status, model=model))
        return page.tasks

    found = with_core(work)
    if as_json:
        print_json([_shown(task) for task in found])
        return
    print_table(
        ("id", "created (UTC)", "state", "%", "model", "credits", "prompt"),
        [
            (
                task.id,
                time_text(task.created_at_us),
                task.state.value,
                str(int(task.progress * 100)),
                task.model,
                str(task.price_credits),
                generation_of(task.generation).prompt.replace("\n", " ")[:_PROMPT_SHOWN],
            )
            for task in found
        ],
        right=("%", "credits"),
    )


@app.command()
def show(task_id: TaskArgument, as_json: JsonOption = False) -> None:
    """Show everything that is known of a task: its attempts at providers and what they cost too."""

    async def work(core: Core) -> tuple[Task, TaskAttempts, Mapping[str, Any] | None] | None:
        task = await core.store.task(TaskId(task_id)) if is_task_id(task_id) else None
        if task is None:
            return None
        return task, await attempts_of(core, None, task.id), await understanding_of(core, task)

    known = with_core(work)
    if known is None:
        fail(f"no task {task_id}", ExitCode.NOT_FOUND)
    task, tried, understanding = known
    if as_json:
        print_json(_shown(task) | {"attempts": shown_attempts(tried), "animatic": understanding})
        return
    for name, value in _shown(task).items():
        text = json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, dict) else str(value)
        if value is not None:
            out.print(f"[bold]{name}[/bold]  {escaped(text)}", soft_wrap=True)
    if tried.attempts:
        print_attempts(tried)
    if understanding is not None:
        out.print("[bold]how it was understood[/bold]")
        print_table(("shot", "from", "to", "what", "is"), shot_rows(understanding), right=("shot", "from", "to"))


@app.command()
def cancel(task_id: TaskArgument, as_json: JsonOption = False) -> None:
    """Stop a task. A running one ends as soon as its worker has told the provider."""

    async def work(core: Core) -> Task | None:
        task = await core.store.task(TaskId(task_id)) if is_task_id(task_id) else None
        if task is None:
            return None
        caller = Caller(task.account_id, task.key_id or KeyId("operator"), ALL_SCOPES)
        try:
            return (await cancel_task(core, caller, CancelTask(task.id))).task
        except NotCancellableError:
            fail(f"the task is {task.state} and can no longer be cancelled")

    task = with_core(work)
    if task is None:
        fail(f"no task {task_id}", ExitCode.NOT_FOUND)
    if as_json:
        print_json(_shown(task))
        return
    out.print(f"{task.id}: {task.state}" + ("" if task.is_final else ", cancel asked for"))


def _shown(task: Task) -> dict[str, Any]:
    result = result_of(task)
    ended_us = task.final_at_us
    return {
        "id": task.id,
        "account": task.account_id,
        "state": task.state.value,
        "status": task.public_status.value,
        "progress_percent": int(task.progress * 100),
        "model": task.model,
        "dialect": task.dialect,
        "provider": task.provider,
        "attempt": task.attempt,
        "price_credits": task.price_credits,
        "final_credits": task.final_credits,
        "created_at": time_text(task.created_at_us),
        "updated_at": time_text(task.updated_at_us),
        "ended_at": time_text(ended_us) or None,
        "took_seconds": None if ended_us is None else round((ended_us - task.created_at_us) / US, 3),
        "client_request_id": task.client_request_id,
        "failure_code": task.failure_code.value if task.failure_code else None,
        "failure_reason": task.failure_reason,
        "worker": task.lease_owner,
        "cancel_requested_at": time_text(task.cancel_requested_at_us) or None,
        "generation": json.loads(task.generation),
        "result": None
        if result is None
        else {
            "object": result.video_object,
            "size_bytes": result.size_bytes,
            "sha256": result.sha256,
            "width": result.width,
            "height": result.height,
            "duration_s": result.duration_s,
            "codec": result.codec,
        },
    }
