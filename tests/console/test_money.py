"""Credits: the ledger with its balance, plots that add up, the whole as CSV, and what operators may write."""

import csv
import io

import pytest

from console.client import Visitor, visiting
from console.seeding import EVIL, seeded
from reelway.console.pages.credits import PAGE_SIZE, _no_formula
from reelway.console.plots import OTHERS, SERIES_MAX, stacked
from reelway.domain.ids import KeyId
from reelway.domain.intents import Caller
from reelway.domain.records import ALL_SCOPES
from reelway.gateway.account import give_credits
from reelway.gateway.books import spend
from support.gateway import TestGateway

pytestmark = pytest.mark.anyio


async def test_the_ledger_goes_back_page_by_page_with_its_balance(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account(1_000)
    for number in range(PAGE_SIZE + 5):
        await give_credits(gateway.core, account.id, 1, f"gift {number}")
    await visitor.sign_in(account.key)
    page = await visitor.get("/console/credits")
    assert "gift 54" in page.text
    assert "gift 4<" not in page.text
    older = visitor.text.split('rel="next" href="')[1].split('"')[0]
    page = await visitor.get(older)
    assert ">gift 4<" in page.text
    assert ">1,005<" in page.text
    forged = older.replace("posted=1005", "posted=999999")
    assert forged != older
    page = await visitor.get(forged)
    assert ">1,005<" in page.text
    assert "999,999" not in page.text


async def test_the_export_has_every_row_and_no_formula(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account(1_000)
    await give_credits(gateway.core, account.id, 5, "=HYPERLINK(1)")
    task_id = await gateway.created(account)
    await gateway.ended(account, task_id)
    await visitor.sign_in(account.key)
    page = await visitor.get("/console/credits.csv")
    assert page.headers["content-disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(page.text)))
    assert [row["kind"] for row in rows] == ["settle", "reserve", "grant", "grant"]
    assert rows[2]["reason"] == "'=HYPERLINK(1)"
    assert int(rows[0]["available_credits"]) == await gateway.available_credits(account)
    assert sum(int(row["effect_credits"]) for row in rows) == int(rows[0]["available_credits"])


@pytest.mark.parametrize("sign", [*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20"])
def test_a_cell_that_begins_like_a_formula_is_a_text(sign: str) -> None:
    assert _no_formula(f"{sign}1") == f"'{sign}1"
    assert _no_formula(f"1{sign}") == f"1{sign}"


async def test_spend_is_added_up_once_and_shown_by_model_and_key(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    for _ in range(2):
        await gateway.ended(account, await gateway.created(account))
    gateway.clock.advance(2 * 86_400)
    await gateway.ended(account, await gateway.created(account))
    caller = Caller(account.id, KeyId("key_of_a_test"), ALL_SCOPES)
    first = await spend(gateway.core, caller, account.id, 30)
    again = await spend(gateway.core, caller, account.id, 30)
    assert first == again
    assert [row.videos for row in first] == [2, 1]
    assert len(gateway.core.spend_by_day) == 29
    await visitor.sign_in(account.key)
    page = await visitor.get("/console/credits")
    assert page.text.count("<rect class=") >= 4
    assert "As a table" in page.text


def test_a_plot_adds_up_and_puts_the_small_ones_together() -> None:
    values = [(day, f"model {number}", 10 * number + day) for day in range(3) for number in range(SERIES_MAX + 3)]
    plot = stacked(range(3), values)
    assert plot.total == sum(amount for _, _, amount in values)
    assert sum(bar.value for bar in plot.bars) == plot.total
    assert len(plot.names) == SERIES_MAX
    assert plot.names[-1] == OTHERS
    assert all(bar.y >= 0 and bar.height >= 0 for bar in plot.bars)
    assert plot.lines[-1].value >= max(sum(amount for day, _, amount in values if day == which) for which in range(3))


@pytest.mark.parametrize("highest", [0, 1, 3, 9, 10, 11, 99, 12_345])
def test_the_lines_of_a_plot_are_few_and_reach_the_highest_value(highest: int) -> None:
    lines = stacked([0], [(0, "model", highest)]).lines
    assert lines[0].value == 0
    assert lines[-1].value >= highest
    assert 2 <= len(lines) <= 6


# --- operators --------------------------------------------------------------------------------------------------------


async def test_an_operator_grants_and_adjusts_with_a_reason(gateway: TestGateway, visitor: Visitor) -> None:
    found = await seeded(gateway, "http://127.0.0.1:9/hook")
    other = await gateway.account(100)
    await visitor.sign_in(found.operator.key)
    await visitor.get(f"/console/credits?account={other.id}")
    page = await visitor.post("/console/credits", {"account": other.id, "amount": "50", "reason": EVIL})
    assert page.status_code == 200
    assert "<img src=x" not in page.text
    page = await visitor.post("/console/credits", {"account": other.id, "amount": "-30", "reason": "a mistake"})
    assert await gateway.available_credits(other) == 120
    for amount, reason in (("0", "x"), ("", "x"), ("1.5", "x"), ("5", ""), ("5", "x" * 201), ("-121", "too much")):
        page = await visitor.post("/console/credits", {"account": other.id, "amount": amount, "reason": reason})
        assert page.status_code == 422, (amount, reason)
        assert 'aria-invalid="true"' in page.text
    assert await gateway.available_credits(other) == 120


async def test_nobody_else_writes_into_the_ledger(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account(100)
    await visitor.sign_in(account.key)
    await visitor.get("/console/credits")
    page = await visitor.post("/console/credits", {"account": account.id, "amount": "50", "reason": "please"})
    assert page.status_code == 403
    assert await gateway.available_credits(account) == 100


async def test_an_operator_makes_an_account_whose_key_is_shown_once(gateway: TestGateway, visitor: Visitor) -> None:
    found = await seeded(gateway, "http://127.0.0.1:9/hook")
    await visitor.sign_in(found.operator.key)
    await visitor.get("/console/accounts")
    page = await visitor.post("/console/accounts", {"name": "Harbour Films", "credits": "300"})
    key = page.text.split('id="fresh-key">')[1].split("<")[0]
    assert key not in (await visitor.get("/console/accounts")).text
    async with visiting(str(gateway.http.base_url)) as new:
        await new.sign_in(key)
        assert "300" in (await new.get("/console/credits")).text
    await visitor.get("/console/accounts")
    page = await visitor.post("/console/accounts", {"name": "", "credits": "-1"})
    assert page.status_code == 422
    assert page.text.count('class="problem"') == 2
