"""Compare the SDK as the engine uses it with the SDK used through its resources."""

import json
from pathlib import Path
import statistics
import subprocess
import sys

RUNS = 5
ROOT = Path(__file__).parents[1]

MEASURE = """
import json, resource, sys, time
import homeassistant, httpx
before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{body}
after = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([after[0] - before[0], (after[1] - before[1]) / 1024]))
"""

OURS = """
# Not by its full name, which would also import the Home Assistant part of the integration.
sys.path.insert(0, "custom_components/cloudflare_mtls")
from engine.api.client import CloudflareClient
CloudflareClient("token")
"""

RESOURCES = """
from cloudflare import AsyncCloudflare
client = AsyncCloudflare(api_token="token")
client.zero_trust.tunnels.cloudflared.list
client.zones.list
client.dns.records.list
client.rulesets.rules.create
client.client_certificates.list
client.certificate_authorities.hostname_associations.get
"""


def measure(body: str) -> tuple[float, float]:
    """Return the median seconds and MiB that a new process spends on a program."""
    program = MEASURE.format(body=body)
    figures = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", program],
                capture_output=True,
                check=True,
                cwd=ROOT,
                text=True,
            ).stdout
        )
        for _ in range(RUNS)
    ]
    return tuple(statistics.median(column) for column in zip(*figures, strict=True))


def main() -> int:
    """Print the ratios; return 1 if one is over its budget."""
    (seconds, memory), (all_seconds, all_memory) = measure(OURS), measure(RESOURCES)
    time_ratio, memory_ratio = seconds / all_seconds, memory / all_memory
    print(
        f"import and first client: {seconds:.2f} s of {all_seconds:.2f} s "
        f"(ratio {time_ratio:.2f}, budget 0.25), {memory:.0f} MiB of {all_memory:.0f} MiB "
        f"(ratio {memory_ratio:.2f}, budget 0.33)"
    )
    return int(time_ratio > 1 / 4 or memory_ratio > 1 / 3)


if __name__ == "__main__":
    sys.exit(main())
