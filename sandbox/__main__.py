"""Run a sandbox in its own process: python -m sandbox --ready-file PATH."""

import argparse
import asyncio
import json
from pathlib import Path
import signal

from .clock import Delays
from .service import Sandbox


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description="A local Cloudflare with a home lab in it, on 127.0.0.1.",
        epilog="GET /sandbox on the API's port lists the control routes.",
    )
    parser.add_argument(
        "--api-port", type=int, default=0, help="port of the API (0: any)"
    )
    parser.add_argument(
        "--edge-port", type=int, default=0, help="port of the TLS edge (0: any)"
    )
    parser.add_argument(
        "--connector",
        choices=("imitation", "cloudflared"),
        default="imitation",
        help="what runs the tunnels: an imitation, or the cloudflared that you start",
    )
    parser.add_argument(
        "--tunnel-port",
        type=int,
        default=0,
        help="port to which cloudflared connects (0: any)",
    )
    parser.add_argument(
        "--ready-file",
        type=Path,
        required=True,
        help="JSON file to write the addresses and the API token to",
    )
    parser.add_argument(
        "--origin",
        metavar="URL",
        help="real address of Home Assistant, the seeded service of the tunnel",
    )
    parser.add_argument(
        "--realistic-delays",
        action="store_true",
        help="let changes take effect as slowly as at Cloudflare",
    )
    parser.add_argument(
        "--host-keeps-port",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether http.host keeps the Host header's port",
    )
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    takes_cloudflared = arguments.connector == "cloudflared"
    async with Sandbox(
        tunnel_port=arguments.tunnel_port if takes_cloudflared else None,
        api_port=arguments.api_port,
        edge_port=arguments.edge_port,
        origin=arguments.origin,
        host_keeps_port=arguments.host_keeps_port,
    ) as sandbox:
        if arguments.realistic_delays:
            sandbox.state.delays = Delays.realistic()
        _write_atomically(arguments.ready_file, json.dumps(sandbox.as_json(), indent=2))
        await stop.wait()


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(path)


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
