"""Virtual environments for ``.ci/beside_tensorflow`` and ``.ci/oldest_and_newest``."""

import json
import os
import runpy
import shutil
import subprocess
import sys
import types
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


class Environment:
    """A virtual environment in a folder, filled by a pip that is not in it."""

    def __init__(self, folder: Path, pip: list[str], made_by: str = sys.executable) -> None:
        subprocess.run([made_by, "-m", "venv", "--without-pip", folder], check=True)
        self.python = interpreter(folder)
        self._pip = [*pip, "--python", str(self.python)]

    def pip(self, *command: str) -> str:
        return output(*self._pip, *command)

    def would_install(self, *requirements: str) -> dict[str, dict]:
        """Metadata, by name, of what pip would install that is not there as it is."""
        report = self.pip("install", "-qq", "--dry-run", "--report", "-", *requirements)
        found = [item["metadata"] for item in json.loads(report)["install"]]
        return {data["name"].lower().replace("_", "-"): data for data in found}

    def there(self) -> dict[str, str]:
        """Versions, by name, of what is installed."""
        listed = json.loads(self.pip("list", "--format", "json"))
        versions = {item["name"].lower().replace("_", "-"): item["version"] for item in listed}
        return {name: version for name, version in versions.items() if name != "setuptools"}

    def pretend(self, packages: dict[str, dict]) -> None:
        """Write the metadata of packages, without the packages."""
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        site = Path(output(self.python, "-c", where).strip())
        for data in packages.values():
            folder = site / f"{data['name'].replace('-', '_')}-{data['version']}.dist-info"
            folder.mkdir()
            lines = [f"Metadata-Version: {data['metadata_version']}"]
            lines += [f"Name: {data['name']}", f"Version: {data['version']}"]
            lines += [f"Requires-Dist: {need}" for need in data.get("requires_dist", [])]
            lines += [f"Provides-Extra: {extra}" for extra in data.get("provides_extra", [])]
            if "requires_python" in data:
                lines.append(f"Requires-Python: {data['requires_python']}")
            (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
            (folder / "INSTALLER").write_text("pip\n", encoding="utf-8")
            (folder / "RECORD").write_text("", encoding="utf-8")


def output(*command: object) -> str:
    """What a command prints; it must end well."""
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def interpreter(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def newest_pip(folder: Path) -> list[str]:
    """The command of the newest pip, installed into a folder."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(interpreter(folder)), "-m", "pip"]
    output(*pip, "install", "-qq", "--upgrade", "pip")
    return pip


def built(folder: Path, pip: list[str]) -> str:
    """The wheel of the checkout, made from a copy: a build leaves files where it runs."""
    copy = folder / "checkout"
    left = shutil.ignore_patterns(".git", "build", "*.egg-info", "docs", "tutorials", "tests")
    shutil.copytree(CHECKOUT, copy, ignore=left)
    output(*pip, "wheel", "-qq", "--no-deps", "--wheel-dir", folder, copy)
    (wheel,) = map(str, folder.glob("fixedpoint_tf-*.whl"))
    return wheel


def requirements() -> list[str]:
    """What ``setup.py`` asks for: every dependency, and those of the extra tfp."""
    given: dict = {}
    setuptools = types.ModuleType("setuptools")
    setuptools.setup, setuptools.find_packages = given.update, lambda **_: []
    there = sys.modules.get("setuptools")
    sys.modules["setuptools"] = setuptools
    try:
        runpy.run_path(str(CHECKOUT / "setup.py"))
    finally:
        del sys.modules["setuptools"]
        if there is not None:
            sys.modules["setuptools"] = there
    return [*given["install_requires"], *given["extras_require"]["tfp"]]
