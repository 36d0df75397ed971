"""`python -m bench [NAME ...]`: run the named benches, or all."""

import importlib
import sys

NAMES = ("submit", "status", "dialects", "lifecycle", "inflight", "failover", "webhooks", "animatic", "console")


def main() -> int:
    wanted = sys.argv[1:] or NAMES
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    missed = 0
    for name in wanted:
        print(f"== {name}", flush=True)
        missed += importlib.import_module(f"bench.{name}").main()
        print(flush=True)
    print("every budget was kept" if not missed else f"{missed} of the programs missed a budget")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
