"""An Airflow on loopback, of whichever version this Python has: SQLite, few processes, one user.

    python airflow_server.py HOME DAGS

prints `READY PORT` once its API answers, and runs until its standard input ends; then it ends all that it started
and removes HOME. The user is `admin`, the password `lakeward-test`. What the processes say goes to HOME/*.log, which
is kept if it does not get ready within four minutes.
"""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

PASSWORD = "lakeward-test"
SECONDS = 240
USER_OF_2 = f"""
from airflow.utils.db import initdb
initdb()
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
with get_application_builder() as builder:
    manager = builder.sm
    manager.add_user("admin", "A", "B", "admin@example.com", manager.find_role("Admin"), {PASSWORD!r})
"""


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def settings(home, dags, major, port, log_port):
    users = home / "passwords.json"
    users.write_text(json.dumps({"admin": PASSWORD}))
    common = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_port),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PYTHONWARNINGS": "ignore",
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
    }
    if major == 2:
        own = {
            "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth",
            "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
            "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
            "AIRFLOW__WEBSERVER__WORKERS": "1",
            "AIRFLOW__WEBSERVER__EXPOSE_CONFIG": "False",
        }
    else:
        own = {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
            "AIRFLOW__API_AUTH__JWT_SECRET": "lakeward-test-secret-of-no-worth-at-all-0123456789abcdef",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,guest:viewer",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(users),
        }
    # A proxy is not for loopback; and without what it compiled each process would take 5 seconds more to start.
    ours = lambda k: not (k.lower().endswith("_proxy") or k.startswith(("AIRFLOW", "PYTHON")))
    return {**{k: v for k, v in os.environ.items() if ours(k)}, **common, **own}


def answers(port, path):
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://127.0.0.1:{port}{path}", timeout=2
        ) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False


def end_all(home=None):
    """Ends this process's session: Airflow's own children leave the group, not the session."""
    mine, me = os.getsid(0), os.getpid()
    for _ in range(5):
        listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True).stdout
        left = 0
        for pid in map(int, listed.split()):
            try:
                if pid != me and os.getsid(pid) == mine:
                    os.kill(pid, signal.SIGKILL)
                    left += 1
            except (ProcessLookupError, PermissionError):
                pass
        if left == 0:
            break
    if home:
        shutil.rmtree(home, ignore_errors=True)
    os._exit(0)


def until_the_other_side_ends(home):
    while os.read(0, 4096):
        pass
    end_all(home)


def main():
    home, dags = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    # A leader of its own session, which is what ends together.
    if os.getsid(0) != os.getpid():
        os.setsid()
    threading.Thread(target=until_the_other_side_ends, args=(home,), daemon=True).start()
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ending, lambda *_: end_all(home))
    major = int(version("apache-airflow").split(".")[0])
    port, log_port = free_ports(2)
    environment = settings(home, dags, major, port, log_port)

    def log(name):
        return open(home / f"{name}.log", "wb")

    def start(*command):
        return subprocess.Popen(
            [sys.executable, "-m", "airflow", *command], env=environment, stdin=subprocess.DEVNULL,
            stdout=log(command[0]), stderr=subprocess.STDOUT,
        )

    # Making the tables takes as long as all the rest: they are kept beside the interpreter, of whose version they are.
    tables, kept = home / "airflow.db", Path(sys.prefix) / "lakeward-tables.db"
    if kept.exists():
        shutil.copyfile(kept, tables)
    else:
        prepare = ["-c", USER_OF_2] if major == 2 else ["-m", "airflow", "db", "migrate"]
        done = subprocess.run(
            [sys.executable, *prepare], env=environment, stdin=subprocess.DEVNULL, stdout=log("prepare"),
            stderr=subprocess.STDOUT,
        )
        if done.returncode != 0:
            sys.exit(f"the tables could not be made: {home}/prepare.log")
        new = kept.with_suffix(f".{os.getpid()}")
        with closing(sqlite3.connect(tables)) as made, closing(sqlite3.connect(new)) as copy:
            made.backup(copy)
        new.rename(kept)
    names = ["webserver", "scheduler"] if major == 2 else ["api-server", "scheduler", "dag-processor"]
    parts = {name: start(name) for name in names}
    path = "/api/v1/version" if major == 2 else "/api/v2/version"
    deadline = time.monotonic() + SECONDS
    while not answers(port, path):
        for name, part in parts.items():
            if part.poll() is not None or time.monotonic() > deadline:
                print(f"{name} ended or is late: {home}/{name}.log", file=sys.stderr, flush=True)
                end_all()
        time.sleep(0.2)
    print(f"READY {port}", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
