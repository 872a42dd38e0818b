"""Runs lakeward on its demo in a pseudo-terminal, types, and draws what the terminal shows, cell by cell, as PNG."""

import fcntl
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

import pyte
from PIL import Image, ImageDraw, ImageFont

# name, rows, columns, keys (each typed when the screen has settled), more arguments
SHOTS = [
    ("alerts-80x24", 24, 80, [], []),
    ("alerts-160x45", 45, 160, [], []),
    ("dlq-80x24", 24, 80, ["2"], []),
    ("dlq-160x45", 45, 160, ["2", "jjjj"], []),
    ("rows-80x24", 24, 80, ["2", "jjjj", "\r"], []),
    ("schema-160x45", 45, 160, ["2", "jjjj", "s"], []),
    ("profile-160x45", 45, 160, ["2", "jjjj", "p"], []),
    ("runbook-80x24", 24, 80, ["b", "\r"], []),
    ("runbook-160x45", 45, 160, ["b", "\r", "x", "\r"], []),
    ("verify-80x24", 24, 80, ["b", "7", "V", "jx", "jx"], []),
    ("verify-160x45", 45, 160, ["b", "7", "V", "jx", "jx"], []),
    ("incident-80x24", 24, 80, ["b", "7", "V", "jx", "8"], []),
    ("incident-160x45", 45, 160, ["b", "7", "V", "jx", "8", "H"], []),
    ("work-80x24", 24, 80, ["2", "jjjj", "R", "y", "W"], []),
    ("repair-80x24", 24, 80, ["2", "jjjjj", "r"], []),
    ("plan-80x24", 24, 80, ["2", "jjjj", ":quarantine schema_violation bad emails\r"], []),
    ("plan-160x45", 45, 160, ["2", "jjjj", ":quarantine schema_violation bad emails\r"], []),
    ("quarantine-80x24", 24, 80, ["2", "jjjj", ":quarantine schema_violation bad emails\r", "3\r", "3"], []),
    ("quarantine-160x45", 45, 160, ["2", "jjjj", ":quarantine schema_violation bad emails\r", "3\r", "3"], []),
    ("audit-80x24", 24, 80, ["2", "jjjj", ":quarantine schema_violation bad emails\r", "3\r", "@"], []),
    ("jobs-80x24", 24, 80, ["4", "jjjjjjjjjjjjj"], []),
    ("jobs-160x45", 45, 160, ["4", "jjjjjjjjjjjjj", "\r"], []),
    ("logs-80x24", 24, 80, ["4", "jjjjjjjjjjjjj", "l"], []),
    ("logs-160x45", 45, 160, ["4", "jjjjjjjjjjjjj", "l"], []),
    ("sources-80x24", 24, 80, ["S"], []),
    ("help-80x24", 24, 80, ["?"], []),
    ("alerts-light-80x24", 24, 80, [], ["--theme", "light"]),
    ("alerts-mono-80x24", 24, 80, [], ["--theme", "mono"]),
    ("alerts-colour-safe-80x24", 24, 80, [], ["--theme", "colour-safe"]),
]
# The 16 colours as most terminals show them; "default" is the terminal's own.
DARK = {"default-fg": "#d0d0d0", "default-bg": "#16181d"}
LIGHT = {"default-fg": "#24292f", "default-bg": "#ffffff"}
NAMED = {
    "black": "#2e3436", "red": "#e5484d", "green": "#46a758", "brown": "#d9a514", "blue": "#4a8fe7",
    "magenta": "#b877db", "cyan": "#3fb3b3", "white": "#d3d7cf", "brightblack": "#7a7f87", "brightred": "#ff6369",
    "brightgreen": "#63c174", "brightbrown": "#f0c000", "brightblue": "#70b8ff", "brightmagenta": "#d19dff",
    "brightcyan": "#66d9d9", "brightwhite": "#ffffff",
}
SIZE = 15
FONTS = ["/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/TTF", "/usr/share/fonts/dejavu", "/Library/Fonts"]


def font(name):
    for folder in FONTS:
        path = Path(folder) / name
        if path.exists():
            return ImageFont.truetype(str(path), SIZE)
    sys.exit(f"{name} not found: install the DejaVu fonts (Debian: fonts-dejavu-core)")


def settle(fd, stream, quiet=0.7, limit=20):
    """Feeds the screen until nothing came for a while."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        ready, _, _ = select.select([fd], [], [], quiet)
        if not ready:
            return
        stream.feed(os.read(fd, 65536))


def shoot(program, lake, home, rows, columns, keys, arguments):
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    pid, fd = pty.fork()
    if pid == 0:
        env = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": home, "PATH": os.environ["PATH"]}
        time.sleep(0.1)  # the parent sets the size first
        os.execve(program, [program, "--lake", lake, *arguments], env)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    settle(fd, stream, quiet=1.5)
    for key in keys:
        os.write(fd, key.encode())
        settle(fd, stream)
    picture = draw(screen, LIGHT if "light" in arguments else DARK)
    os.kill(pid, 15)
    os.waitpid(pid, 0)
    os.close(fd)
    return picture


def colour(name, ground, fallback):
    if name == "default":
        return ground[fallback]
    return NAMED.get(name) or f"#{name}"


def draw(screen, ground):
    regular, bold = font("DejaVuSansMono.ttf"), font("DejaVuSansMono-Bold.ttf")
    width, height = round(regular.getlength("M")), SIZE + 4
    image = Image.new("RGB", (screen.columns * width, screen.lines * height), ground["default-bg"])
    pen = ImageDraw.Draw(image)
    for y in range(screen.lines):
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            front, back = colour(cell.fg, ground, "default-fg"), colour(cell.bg, ground, "default-bg")
            if cell.reverse:
                front, back = back, front
            box = (x * width, y * height, (x + 1) * width - 1, (y + 1) * height - 1)
            if back != ground["default-bg"]:
                pen.rectangle(box, fill=back)
            if cell.data.strip():
                pen.text((box[0], box[1] + 1), cell.data, fill=front, font=bold if cell.bold else regular)
            if cell.underscore:
                pen.line((box[0], box[3], box[2], box[3]), fill=front)
    return image


def main():
    program = os.path.abspath(sys.argv[1])
    here = Path(__file__).resolve().parent
    only = sys.argv[2:]
    for name, rows, columns, keys, arguments in SHOTS:
        if only and name not in only:
            continue
        # A lake each: what one picture does is not to be seen on another.
        with tempfile.TemporaryDirectory() as home:
            lake = f"{home}/demo"
            os.system(f"'{program}' demo --write '{lake}' >/dev/null")
            shoot(program, lake, home, rows, columns, keys, arguments).save(here / f"{name}.png", optimize=True)
            print(name)


main()
