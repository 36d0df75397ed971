"""Programs that measure the gateway; each prints its figures with budget, ceiling and the ratio of the same run."""
