"""The figures on `/metrics`, in Prometheus' text format."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

registry: Final = CollectorRegistry()

_WAIT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LIFE_BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600, 1800, 3600)
_SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

requests = Counter(
    "reelway_requests_total",
    "Answers by dialect, operation and status.",
    ("dialect", "operation", "status"),
    registry=registry,
)
request_seconds = Histogram(
    "reelway_request_seconds",
    "Time from the request's head to the answer's end.",
    ("dialect", "operation"),
    buckets=_WAIT_BUCKETS,
    registry=registry,
)
tasks_ended = Counter(
    "reelway_tasks_ended_total", "Tasks by final state and model.", ("state", "model"), registry=registry
)
task_seconds = Histogram(
    "reelway_task_seconds", "Time from create to the end.", ("model",), buckets=_LIFE_BUCKETS, registry=registry
)
steps = Counter(
    "reelway_worker_steps_total", "Steps by state and how they ended.", ("state", "outcome"), registry=registry
)
steps_running = Gauge("reelway_worker_steps_running", "Task steps under way.", registry=registry)
jobs_held = Gauge("reelway_jobs_held", "Jobs at providers that this process looks after.", registry=registry)
polls = Counter(
    "reelway_polls_total",
    "Questions to providers about jobs, each about one job or a list of many, by what came of them.",
    ("provider", "kind", "outcome"),
    registry=registry,
)
news_seconds = Histogram(
    "reelway_news_seconds",
    "Time from the answer that told of a job's end to the write of it.",
    buckets=_WAIT_BUCKETS,
    registry=registry,
)
leases_lost = Counter("reelway_leases_lost_total", "Tasks taken from workers that fell silent.", registry=registry)
commit_batch = Histogram(
    "reelway_commit_batch_size", "Writes that shared one commit.", buckets=_SIZE_BUCKETS, registry=registry
)
read_batch = Histogram(
    "reelway_read_batch_size", "Reads that shared one query.", buckets=_SIZE_BUCKETS, registry=registry
)
credits_moved = Counter("reelway_credits_total", "Credits by kind of transfer.", ("kind",), registry=registry)
late_successes = Counter(
    "reelway_late_successes_total",
    "Jobs that finished after their task had been given up: paid for, and nobody gets the video.",
    ("provider",),
)
content_credentials = Counter(
    "reelway_content_credentials_total",
    "Videos by how marking them as made by a machine ended.",
    ("outcome",),
    registry=registry,
)
deliveries = Counter(
    "reelway_deliveries_total",
    "Attempts to tell a webhook endpoint or a callback, by how they ended.",
    ("kind", "outcome"),
    registry=registry,
)
delivery_delay_seconds = Histogram(
    "reelway_delivery_delay_seconds",
    "Time from an event to the first attempt to tell of it.",
    ("kind",),
    buckets=_WAIT_BUCKETS,
    registry=registry,
)
provider_outcomes = Counter(
    "reelway_provider_outcomes_total",
    "What providers did: success, fault, throttle, or refusal of a single request.",
    ("provider", "outcome"),
    registry=registry,
)
circuit_open = Gauge(
    "reelway_circuit_open",
    "1 while no task goes to a provider for a model, or at most a trial; `*` stands for all models.",
    ("provider", "model"),
    registry=registry,
)
content_refused = Counter(
    "reelway_content_refused_total",
    "Requests that the block list refused, by dialect and reason (listed, too_slow).",
    ("dialect", "reason"),
    registry=registry,
)
delivery_lanes = Gauge("reelway_delivery_lanes", "Receivers being served.", ("room",), registry=registry)
