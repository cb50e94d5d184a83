"""The sandbox's process says how to run cloudflared, and that works."""

import asyncio
import json
from pathlib import Path
import shlex
import sys

from aiohttp import ClientSession

from .cloudflared import PROGRAM, needs_cloudflared

pytestmark = needs_cloudflared


async def test_command_of_the_ready_file(tmp_path: Path) -> None:
    """The command makes four connections, so that the tunnel is healthy."""
    ready = tmp_path / "ready.json"
    sandbox = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--connector", "cloudflared"),
        *("--ready-file", str(ready)),
    )
    async with asyncio.timeout(20):
        while not ready.exists():
            await asyncio.sleep(0.05)
    facts = json.loads(ready.read_text())
    program, *arguments = shlex.split(facts["tunnel_command"])
    assert program == "cloudflared"
    assert PROGRAM
    connector = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        env={"HOME": str(tmp_path), "TUNNEL_TOKEN": facts["tunnel_token"]},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        headers = {"Authorization": f"Bearer {facts['token']}"}
        url = f"{facts['api_url']}/accounts/{facts['account_id']}/cfd_tunnel"
        async with ClientSession(headers=headers) as session, asyncio.timeout(10):
            status = ""
            while status != "healthy":
                async with session.get(f"{url}/{facts['tunnel_id']}") as response:
                    status = (await response.json())["result"]["status"]
                await asyncio.sleep(0.1)
    finally:
        connector.kill()
        await connector.wait()
        sandbox.terminate()
        assert await sandbox.wait() == 0
