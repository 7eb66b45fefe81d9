"""Debian packages, installed only by root, only where there is apt-get, never against a person's wish."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.support.run import Missing, lock


def may_install() -> bool:
    return (
        os.environ.get("OUTREACH_TEST_NO_INSTALL") != "1"
        and os.geteuid() == 0
        and shutil.which("apt-get") is not None
    )


def install(*packages: str) -> None:
    with lock("apt"):
        if not _get("install", *packages):
            _get("update")
            if not _get("install", *packages):
                raise Missing(f"apt-get could not install {' '.join(packages)}")


def _get(*words: str) -> bool:
    command = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-y", "--no-install-recommends", *words]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
