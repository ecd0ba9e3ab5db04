"""Runs the ParaView window on a virtual display, photographs it and plays events to it, with nothing but Xvfb."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import time
from pathlib import Path

from PIL import Image
from virtual_display import virtual_display

WIDTH, HEIGHT = 1600, 1200
WAIT = 420
"""Seconds after which a window that never came is given up: a hang must not stop a test run for ever."""


PANEL = (
    "pqClientMainWindow/propertiesDock/propertiesPanel/scrollArea/qt_scrollarea_viewport/scrollAreaWidgetContents/"
    "PropertiesFrame/ProxyPanel/"
)
"""Where Qt finds the widgets of the properties: each has its property's name."""


def choose(name: str, value: str) -> str:
    """The event: a text is chosen in a drop-down of the panel."""
    return f'<pqevent object="{PANEL}{name}/ComboBox" command="set_string" arguments="{value}" />'


def expect(name: str, visible: bool) -> str:
    """The check that a widget of the panel is there, or hidden."""
    return f'<pqcheck object="{PANEL}{name}" property="visible" arguments="{str(visible).lower()}" />'


SHOW_ADVANCED = (
    '<pqevent object="pqClientMainWindow/propertiesDock/propertiesPanel/SearchBox/AdvancedButton" '
    'command="set_boolean" arguments="true" />'
)


def play(paraview: str, script: str, events: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run ``script`` in a window, then play events and checks as ParaView's own tests do.

    Returns what the window wrote; raises AssertionError with it where a check failed.
    """
    folder.mkdir(parents=True)
    _write_preferences(folder)
    (folder / "script.py").write_text(script, encoding="utf-8")
    lines = ['<?xml version="1.0" ?>', "<pqevents>", *events, "</pqevents>"]
    (folder / "events.xml").write_text("\n".join(lines), encoding="utf-8")
    options = [f"--script={folder / 'script.py'}", f"--test-script={folder / 'events.xml'}"]
    done = subprocess.run(
        [*virtual_display(), paraview, *options, f"--test-directory={folder}", "--exit"],
        env={**environment, **_home(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WAIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class Window:
    """A ParaView window that has run ``script`` to its last line."""

    def __init__(self, paraview: str, script: str, folder: Path, environment: dict[str, str]) -> None:
        """``script`` runs in the window's own Python; ``folder`` becomes HOME."""
        self.folder = folder
        self.output = folder / "output.txt"
        done = folder / "done"
        frame = folder / "frame"
        frame.mkdir(parents=True)
        _write_preferences(folder)
        script_file = folder / "script.py"
        script_file.write_text(f"{script}\nopen({str(done)!r}, 'w').close()\n", encoding="utf-8")
        self._frame = frame / "Xvfb_screen0"
        screen = f"-screen 0 {WIDTH}x{HEIGHT}x24 -fbdir {frame}"
        with open(self.output, "wb") as output:
            self._process = subprocess.Popen(
                [*virtual_display(screen), paraview, f"--script={script_file}"],
                env={**environment, **_home(folder), "QT_FONT_DPI": "72"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + WAIT
        while not done.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                self.close()
                raise AssertionError(f"the ParaView window did not run the script to its end:\n{self.text()}")
            time.sleep(0.2)

    def text(self) -> str:
        """What the window wrote to its terminal."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def photograph(self) -> Image.Image:
        """The screen, once it stands still."""
        last, picture = None, self._picture()
        for _ in range(40):
            time.sleep(0.7)
            last, picture = picture, self._picture()
            if last.tobytes() == picture.tobytes():
                break
        return picture

    def close(self) -> None:
        """End the window and its display."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def _picture(self) -> Image.Image:
        """Xvfb keeps its screen in an XWD file: 25 big-endian words, a name, a colour table, the pixels."""
        data = self._frame.read_bytes()
        head = struct.unpack(">25I", data[:100])
        start = head[0] + 12 * head[19]
        width, height, line = head[4], head[5], head[12]
        return Image.frombuffer("RGB", (width, height), data[start : start + line * height], "raw", "BGRX", line, 1)


def _home(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config")}


def _write_preferences(home: Path) -> None:
    config = home / ".config" / "ParaView"
    config.mkdir(parents=True)
    # Before 6.1 the file is named after the version, which only the window knows: one for each that there is. Without
    # it the dialog of welcome would hold up whatever runs when it comes.
    versions = [f"5.{minor}.{patch}" for minor in range(9, 14) for patch in range(4)]
    for version in ["", *versions, *(f"6.0.{patch}" for patch in range(3))]:
        (config / f"ParaView{version}.ini").write_text(
            "[General]\nGeneralSettings.ShowWelcomeDialog=false\n"
            f"[MainWindow]\nSize=@Size({WIDTH - 10} {HEIGHT - 40})\nPosition=@Point(0 0)\n",
            encoding="utf-8",
        )
