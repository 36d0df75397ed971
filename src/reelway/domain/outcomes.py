"""What a provider's answers mean for us: closed sets of values, so that no failure is an exception past an adapter.

Submit:  Accepted | Refused | Unavailable | Throttled | SubmitUnknown
Find:    Accepted | Absent | FindUnknown
Poll:    InProgress | Finished | JobFailed | PollUnknown
Cancel:  CancelConfirmed | CancelImpossible | CancelUnknown
Store:   Stored | StoreFailed
"""

from dataclasses import dataclass

from reelway.domain.ids import JobId
from reelway.domain.task import FailureCode, StoredResult


@dataclass(frozen=True, slots=True)
class Cost:
    """What a job has cost us, by the provider's own word. `units`: as it wrote them; None where it did not."""

    microdollars: int
    units: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has a job for us. `poll_after_s`: when to look first."""

    job_id: JobId
    poll_after_s: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take this request; no job was made. `reason` may be shown to the caller."""

    code: FailureCode
    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The provider could not take the request now; it is certain that no job was made.

    `opens_circuit`: nothing will be taken before somebody acts, because our account there is empty or locked, say.
    `only_model`: that concerns this model alone. `is_ours`: the reason lies with us, and says nothing of the provider.
    """

    reason: str
    opens_circuit: bool = False
    only_model: bool = False
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """The provider asks us to come later; no job was made and no try is counted. `is_ours`: it was not even asked."""

    retry_after_s: float
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class SubmitUnknown:
    """The answer was lost: the provider may have a job for us, or may not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider is certain that it has no job with our reference."""


@dataclass(frozen=True, slots=True)
class FindUnknown:
    """The provider could not say whether it has the job."""

    reason: str


@dataclass(frozen=True, slots=True)
class InProgress:
    """`progress` runs from 0 to 1, None when the provider gives none."""

    progress: float | None
    poll_after_s: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The job is done; its video can be fetched through the provider. `cost` None: the provider did not tell."""

    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The job ended without a video. `reason` may be shown to the caller. `cost` None: the provider did not tell."""

    code: FailureCode
    reason: str
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class PollUnknown:
    """The provider did not answer the poll, or not understandably."""

    reason: str


@dataclass(frozen=True, slots=True)
class CancelConfirmed:
    """The job was stopped; it will bring no video."""


@dataclass(frozen=True, slots=True)
class CancelImpossible:
    """The provider cannot stop this job (any more)."""


@dataclass(frozen=True, slots=True)
class CancelUnknown:
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    result: StoredResult


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """The result could not be fetched, checked or kept. `is_final`: another try cannot help.

    `is_ours`: the reason lies with us, and says nothing of the provider. `is_away`: the provider, or our own storage,
    was not reached, which says nothing of the video.
    """

    reason: str
    is_final: bool
    is_ours: bool = False
    is_away: bool = False


SubmitOutcome = Accepted | Refused | Unavailable | Throttled | SubmitUnknown
FindOutcome = Accepted | Absent | FindUnknown
PollOutcome = InProgress | Finished | JobFailed | PollUnknown
CancelOutcome = CancelConfirmed | CancelImpossible | CancelUnknown
StoreOutcome = Stored | StoreFailed
