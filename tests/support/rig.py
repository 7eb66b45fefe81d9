"""The providers' rig: Twilio and SendGrid on loopback, from their own OpenAPI descriptions.

It lies in ../shared/rigs/providers and needs Node. It is copied and its packages are fetched once per run;
each worker starts instances of its own, on ports of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import run
from tests.support.run import Missing

SHARED = Path(__file__).resolve().parents[3] / "shared" / "rigs" / "providers"
START = 90
"""Seconds."""


def _copy() -> str:
    """The rig with its packages, in the run's folder."""
    if not SHARED.is_dir():
        raise Missing("the folder ../shared")
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Missing("node and npm, for the providers' rig")
    place = run.folder() / "rig"
    shutil.copytree(SHARED, place)
    subprocess.run(["chmod", "-R", "u+w", str(place)], check=True)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"], cwd=place, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Missing("the npm packages of the providers' rig")
    return str(place)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class Rig:
    """One running instance."""

    place: Path
    twilio_url: str
    sendgrid_url: str
    keys: dict[str, str]
    processes: subprocess.Popen[bytes]
    var: Path

    def ask(self, path: str, body: Any = None) -> Any:
        """A control address: GET without a body, else POST."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.twilio_url}/__rig/{path}", data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def reset(self) -> None:
        self.ask("reset", {})

    def fault(self, preset: str | None = None, **more: Any) -> None:
        self.ask("faults", ({"preset": preset} if preset else {}) | more)

    def state(self) -> Any:
        return self.ask("state")

    def violations(self) -> list[Any]:
        found: list[Any] = self.ask("violations")
        return found

    def requests(self) -> list[Any]:
        found: list[Any] = self.ask("requests")
        return found

    def call(self, scenario: dict[str, Any]) -> dict[str, Any]:
        """Play the carrier for every call that is queued; the driver's report."""
        told = self.var / "scenario.json"
        told.write_text(json.dumps(scenario))
        done = subprocess.run(
            [sys.executable, str(self.place / "voice_driver.py"), str(told)],
            capture_output=True, text=True, check=False, timeout=120,
            env=os.environ | {"RIG_TWILIO_PORT": self.twilio_url.rpartition(":")[2]},
        )  # fmt: skip
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def stop(self) -> None:
        os.killpg(self.processes.pid, signal.SIGTERM)
        try:
            self.processes.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.processes.pid, signal.SIGKILL)
            self.processes.wait()


def start(engine_base: str = "", event_url: str = "", auto: bool = False) -> Rig:
    """``engine_base``: where callbacks to public addresses really go; ``auto``: messages go their way by
    themselves, and their statuses are posted. Raises Missing."""
    place = Path(run.need("rig", _copy))
    twilio, twilio_prism, sendgrid, sendgrid_prism = _free_ports(4)
    var = run.folder() / f"rig-{twilio}"
    var.mkdir()
    environment = os.environ | {
        "RIG_TWILIO_PORT": str(twilio), "RIG_TWILIO_PRISM": str(twilio_prism), "RIG_VAR": str(var),
        "RIG_SENDGRID_PORT": str(sendgrid), "RIG_SENDGRID_PRISM": str(sendgrid_prism),
        "RIG_ENGINE_BASE": engine_base, "RIG_SENDGRID_EVENT_URL": event_url,
        "RIG_CALLBACKS": "auto" if auto else "off",
    }  # fmt: skip
    processes = subprocess.Popen(
        ["bash", "run.sh"], cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    assert processes.stdout is not None
    keys: dict[str, str] = {}
    for line in processes.stdout:  # its last word is the keys
        if line.startswith(b"{"):
            keys = json.loads(line)
            break
    processes.stdout.close()
    if not keys:
        raise Missing("a providers' rig that starts")
    urls = (f"http://127.0.0.1:{twilio}", f"http://127.0.0.1:{sendgrid}")
    return Rig(place, *urls, keys, processes, var)
