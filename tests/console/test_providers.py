"""The providers' page: only for operators, with what each does, did lately and costs."""

import pytest

from console.client import Visitor
from reelway.console.plots import curved
from reelway.domain import outcomes
from reelway.domain.outcomes import Cost
from reelway.domain.records import ALL_SCOPES, Scope
from support.gateway import TestGateway
from support.staging import provider_of

pytestmark = pytest.mark.anyio


async def test_an_operator_sees_health_plots_and_costs(gateway: TestGateway, visitor: Visitor) -> None:
    provider = provider_of(gateway)
    provider.default_poll = outcomes.Finished(Cost(250_000))
    account = await gateway.account()
    for _ in range(2):
        await gateway.ended(account, await gateway.created(account))
    operator = await gateway.key(account, ALL_SCOPES | {Scope.ADMIN})
    await visitor.sign_in(operator.key)
    for span in ("hour", "day", "nonsense"):
        page = await visitor.get(f"/console/providers?span={span}")
        assert page.status_code == 200
        assert "Healthy" in page.text
        assert 'class="series-4" x=' in page.text
        assert 'class="curve-p50"><path d="M' in page.text
        assert "$0.5" in page.text
    assert "2 attempts" in page.text


async def test_an_open_circuit_is_shown_with_its_reason_as_text(gateway: TestGateway, visitor: Visitor) -> None:
    provider = provider_of(gateway)
    provider.default_submit = outcomes.Unavailable("locked <b>out</b>", opens_circuit=True)
    account = await gateway.account()
    await gateway.created(account)

    async def is_open() -> bool:
        return any(circuit.is_open for circuit in await gateway.core.store.circuits())

    await gateway.until(is_open)
    await visitor.sign_in((await gateway.key(account, ALL_SCOPES | {Scope.ADMIN})).key)
    page = await visitor.get("/console/providers")
    assert "Kept away" in page.text
    assert "locked &lt;b&gt;out" in page.text


async def test_jobs_of_a_credential_that_is_gone_are_counted(gateway: TestGateway, visitor: Visitor) -> None:
    provider = provider_of(gateway)
    provider.default_poll = outcomes.InProgress(0.5, 0.0)
    account = await gateway.account()
    task_id = await gateway.created(account)

    async def has_job() -> bool:
        return (await gateway.task(task_id)).job_id is not None

    await gateway.until(has_job)
    await visitor.sign_in((await gateway.key(account, ALL_SCOPES | {Scope.ADMIN})).key)
    assert "1 job waits" not in (await visitor.get("/console/providers")).text
    gateway.core.credentials[provider.offer.provider] = "another"
    assert "1 job waits" in (await visitor.get("/console/providers")).text
    gateway.core.credentials.clear()
    assert "not known here" in (await visitor.get("/console/providers")).text


async def test_nobody_else_sees_the_providers(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    page = await visitor.get("/console/providers")
    assert page.status_code == 403
    assert provider_of(gateway).offer.provider not in page.text


def test_a_curve_breaks_where_a_step_has_no_value() -> None:
    plot = curved(4, [(0, "p50", 1.0), (1, "p50", 2.5), (3, "p50", 2.0)])
    (curve,) = plot.curves
    assert [word[0] for word in curve.path.split() if word[0].isalpha()] == ["M", "L", "M"]
    assert plot.lines[-1].value >= 3
    assert curved(4, []).curves == ()
