"""What is kept beside tasks: keys, files, new tasks; and the errors that a caller may be told."""

import pytest

from reelway.domain.errors import (
    ApiKeyError,
    KeyFault,
    Problem,
    RateLimitedError,
    ReelwayError,
    TooManyUnfinishedError,
    UnavailableError,
    ValidationFailedError,
    all_errors,
)
from reelway.domain.ids import FileId, KeyId
from reelway.domain.media import MediaKind
from reelway.domain.records import ALL_SCOPES, ApiKey, IdempotencyClaim, KeptAnswer, NewTask, Scope, StoredFile
from reelway.domain.routing import UnsupportedError
from reelway.domain.task import State
from unit.builders import ACCOUNT, NOW_US, US, task_in

CLAIM = IdempotencyClaim("hash", "print", NOW_US)
ANSWER = KeptAnswer(202, (), b"{}")


def key(expires_at_us: int | None = None, revoked_at_us: int | None = None) -> ApiKey:
    return ApiKey(
        id=KeyId("key_1"),
        account_id=ACCOUNT,
        name="ci",
        key_hash="h",
        prefix="rw_sk_abc",
        scopes=ALL_SCOPES,
        created_at_us=NOW_US - US,
        expires_at_us=expires_at_us,
        revoked_at_us=revoked_at_us,
        last_used_at_us=None,
    )


def file(expires_at_us: int = NOW_US + US, deleted_at_us: int | None = None) -> StoredFile:
    return StoredFile(
        id=FileId("file_1"),
        account_id=ACCOUNT,
        kind=MediaKind.IMAGE,
        name="a.png",
        mime_type="image/png",
        size_bytes=1,
        sha256="",
        width=1,
        height=1,
        duration_s=None,
        client_request_id=None,
        created_at_us=NOW_US,
        expires_at_us=expires_at_us,
        deleted_at_us=deleted_at_us,
    )


@pytest.mark.parametrize("good", [key(), key(expires_at_us=NOW_US + 1)])
def test_a_key_holds_until_the_very_moment_of_its_expiry(good: ApiKey) -> None:
    good.require_valid(NOW_US)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (key(expires_at_us=NOW_US), KeyFault.EXPIRED),
        (key(revoked_at_us=NOW_US), KeyFault.REVOKED),
        (key(revoked_at_us=NOW_US + US), KeyFault.REVOKED),
        (key(expires_at_us=NOW_US - 1, revoked_at_us=NOW_US - 1), KeyFault.REVOKED),
    ],
)
def test_a_key_that_ended_says_how(bad: ApiKey, fault: KeyFault) -> None:
    with pytest.raises(ApiKeyError) as refused:
        bad.require_valid(NOW_US)
    assert refused.value.fault is fault


def test_a_file_lives_until_its_time_is_over_or_it_is_deleted() -> None:
    assert file(expires_at_us=NOW_US + 1).is_live(NOW_US)
    assert not file(expires_at_us=NOW_US).is_live(NOW_US)
    assert not file(deleted_at_us=NOW_US - 5).is_live(NOW_US)


def test_a_files_bytes_lie_under_its_id() -> None:
    assert file().object_name == "files/file_1"


@pytest.mark.parametrize(("claim", "answer"), [(CLAIM, None), (None, ANSWER)])
def test_a_claim_without_an_answer_is_our_mistake(claim: IdempotencyClaim | None, answer: KeptAnswer | None) -> None:
    with pytest.raises(AssertionError):
        NewTask(task_in(State.QUEUED), 10, claim, answer)


def test_the_scopes_of_an_account_are_the_nine_of_the_contract() -> None:
    """Source: Rivya contract, section 3."""
    assert {scope.value for scope in ALL_SCOPES} == {
        "models:read",
        "generations:create",
        "generations:read",
        "files:create",
        "files:read",
        "credits:read",
        "webhooks:manage",
        "chat:create",
        "chat:read",
    }


def test_running_the_gateway_is_a_scope_that_no_key_has_unless_it_is_given() -> None:
    assert frozenset(Scope) - ALL_SCOPES == {Scope.ADMIN}


def test_every_error_has_a_code_of_its_own_that_reads_as_a_word() -> None:
    codes = [error.code for error in all_errors()]
    assert len(set(codes)) == len(codes)
    assert all(code.replace("_", "").isalpha() and code == code.lower() for code in codes)


def test_errors_declared_beside_what_raises_them_are_among_all() -> None:
    assert UnsupportedError in all_errors()
    assert all(issubclass(error, ReelwayError) for error in all_errors())


def test_a_validation_error_holds_at_least_one_problem() -> None:
    with pytest.raises(AssertionError):
        ValidationFailedError(())
    error = ValidationFailedError((Problem("a", "Bad."), Problem("b", "Worse.")))
    assert str(error) == "a: Bad.; b: Worse."


def test_errors_that_pass_say_when_to_come_back() -> None:
    """Source: Rivya contract, sections 4.1 and 4.2: whole seconds, at least 1; 5 for unfinished tasks."""
    assert RateLimitedError(12).retry_after_s == 12
    assert TooManyUnfinishedError(1_000).retry_after_s == 5
    assert UnavailableError("full").retry_after_s >= 1
