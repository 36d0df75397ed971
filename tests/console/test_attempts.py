"""The attempts and the request on a task's page: an account never learns who its providers are."""

import pytest

from console.client import Visitor
from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.outcomes import Cost
from reelway.domain.records import ALL_SCOPES, Scope
from support.gateway import TestGateway
from support.staging import provider_of

pytestmark = pytest.mark.anyio


async def test_only_an_operator_sees_who_made_a_video_and_what_it_cost(gateway: TestGateway, visitor: Visitor) -> None:
    provider = provider_of(gateway)
    provider.default_poll = outcomes.Finished(Cost(420_000, "3 units"))
    account = await gateway.account()
    operator = await gateway.key(await gateway.account(), ALL_SCOPES | {Scope.ADMIN})
    task_id = await gateway.created(account)
    await gateway.ended(account, task_id)
    name = provider.offer.provider
    (attempt,) = await gateway.core.store.attempts.of_task(task_id)
    assert attempt.job_id is not None
    paths = (f"/console/tasks/{task_id}", f"/console/playground?task={task_id}")

    await visitor.sign_in(account.key)
    for path in paths:
        page = await visitor.get(path)
        assert page.status_code == 200
        assert "route" in page.text
        for secret in (f">{name}<", attempt.job_id, "$0.42", "3 units"):
            assert secret not in page.text, (path, secret)

    await visitor.sign_in(operator.key)
    page = await visitor.get(paths[0])
    for shown in (f">{name}<", attempt.job_id, "$0.42", "3 units", "Video made"):
        assert shown in page.text, shown


async def test_a_task_shows_its_request_in_each_api_that_can_say_it(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    prompt = "A kite over the sea"
    answer = await gateway.create(account, model="kling-v2-5-turbo-pro", prompt=prompt, params={"duration": "10"})
    await visitor.sign_in(account.key)
    page = await visitor.get(f"/console/tasks/{TaskId(answer.json()['id'])}")
    for dialect in ("rivya", "apixo", "kling", "openai_videos"):
        listing = page.text.split(f'id="snippet-{dialect}-curl"')[1].split("</pre>")[0]
        assert prompt in listing
