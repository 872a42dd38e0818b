"""The S3 the integration tests talk to: moto behind a middleware that records and bends the traffic.

It listens on 127.0.0.1 on a free port, prints `PORT <n>` and lives until its standard input closes, so it
dies with the test that started it, however that test ends.

Control, over the same port (these requests are neither recorded nor bent):

    GET  /_control/requests         JSON array of {method, path, query, range, status, bytes}, in order of
                                    arrival; `path` is decoded, `query` as sent, `bytes` is the length of the answer's body
    POST /_control/reset            forget the recorded requests (the faults below stay)
    POST /_control/delay?ms=N       hold each later request for N ms; 0 ends it
    POST /_control/deny?prefix=P    403 AccessDenied for each object whose key starts with P, in any bucket, as
                                    the target or as the source of a copy; an empty P ends it. With `&list=1`
                                    also for listings whose `prefix` starts with P, with `&only=delete` for
                                    deletes alone. DeleteObjects is answered 200, with an error of each such key
    POST /_control/throttle?count=N the next N requests are answered 503 SlowDown; 0 ends it
    POST /_control/race?count=N     the next N requests with If-Match or If-None-Match are answered 409
                                    ConditionalRequestConflict and not done; 0 ends it
    POST /_control/lose?count=N&method=M
                                    the next N requests of method M (any without M) are done, recorded with their
                                    status, and their connections closed without an answer; 0 ends it

Objects are addressed path-style (`/bucket/key`), which SDKs do by themselves for an IP address.
"""

import json
import logging
import os
import re
import socket
import sys
import threading
import time
from io import BytesIO
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape, unescape

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server


class Traffic:
    """A WSGI middleware: records every request to `app`, delays or refuses those it was told to."""

    def __init__(self, app):
        self.app = app
        self.lock = threading.Lock()
        self.requests = []
        self.delay_ms = 0
        self.deny_prefix = ""
        self.deny_lists = False
        self.deny_only_deletes = False
        self.throttle = 0
        self.race = 0
        self.lose = 0
        self.lose_method = ""

    def __call__(self, environ, start_response):
        # WSGI hands the unquoted path over as latin-1; the bytes are UTF-8.
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        if path.startswith("/_control/"):
            return self.control(environ, path.removeprefix("/_control/"), start_response)
        if path.startswith("/moto-api"):
            return self.app(environ, start_response)

        record = {
            "method": environ["REQUEST_METHOD"],
            "path": path,
            "query": environ.get("QUERY_STRING", ""),
            "range": environ.get("HTTP_RANGE"),
            "target": environ.get("HTTP_X_AMZ_TARGET"),
            "status": None,  # null while the request is under way
            "bytes": 0,
        }
        with self.lock:
            self.requests.append(record)
            delay = self.delay_ms / 1000
            throttled = self.throttle > 0
            if throttled:
                self.throttle -= 1
            conditional = "HTTP_IF_MATCH" in environ or "HTTP_IF_NONE_MATCH" in environ
            raced = conditional and not throttled and self.race > 0
            if raced:
                self.race -= 1
            denied = self.is_denied(environ, path)
            lost = self.lose > 0 and self.lose_method in ("", environ["REQUEST_METHOD"])
            if lost:
                self.lose -= 1
        if delay:
            time.sleep(delay)

        def recording_start(status, headers, exc_info=None):
            record["status"] = int(status.split(" ", 1)[0])
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        if throttled:
            body = refuse(environ, recording_start, "503 Slow Down", "SlowDown", "Please reduce your request rate.", path)
        elif raced:
            words = "The conditional request cannot succeed due to a conflicting operation against this resource."
            body = refuse(environ, recording_start, "409 Conflict", "ConditionalRequestConflict", words, path)
        elif denied:
            body = refuse(environ, recording_start, "403 Forbidden", "AccessDenied", "Access Denied", path)
        elif self.deny_prefix and is_bulk_delete(environ, path):
            body = self.bulk_delete(environ, recording_start)
        else:
            body = self.app(environ, recording_start)
        body = counted(body, record)
        if lost:
            list(body)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return body

    def bulk_delete(self, environ, start_response):
        """DeleteObjects without the denied keys, which get an error each in the answer."""
        asked = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        objects = re.findall(r"<Object>.*?</Object>", asked, re.DOTALL)
        key = lambda one: unescape(re.search(r"<Key>(.*?)</Key>", one, re.DOTALL)[1], {"&quot;": '"', "&apos;": "'"})
        shut = [one for one in objects if key(one).startswith(self.deny_prefix)]
        for one in shut:
            asked = asked.replace(one, "")
        errors = "".join(
            f"<Error><Key>{escape(key(one))}</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            for one in shut
        )
        if len(shut) == len(objects):
            body = f"<DeleteResult>{errors}</DeleteResult>".encode()
            start_response("200 OK", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]
        environ.update({"wsgi.input": BytesIO(asked.encode()), "CONTENT_LENGTH": str(len(asked.encode()))})
        begun = []
        body = b"".join(self.app(environ, lambda status, headers, exc_info=None: begun.append((status, headers))))
        body = body.replace(b"</DeleteResult>", errors.encode() + b"</DeleteResult>")
        status, headers = begun[0]
        headers = [(k, v) for k, v in headers if k.lower() != "content-length"]
        start_response(status, headers + [("Content-Length", str(len(body)))])
        return [body]

    def is_denied(self, environ, path):
        prefix = self.deny_prefix
        if not prefix or self.deny_only_deletes and environ["REQUEST_METHOD"] != "DELETE":
            return False
        key = key_of(path)
        if key:
            source = environ.get("HTTP_X_AMZ_COPY_SOURCE")
            return key.startswith(prefix) or bool(source and key_of(unquote(source)).startswith(prefix))
        if self.deny_lists:
            asked = parse_qs(environ.get("QUERY_STRING", "")).get("prefix", [""])[0]
            return asked.startswith(prefix)
        return False

    def control(self, environ, what, start_response):
        drain(environ)
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)

        def first(name, default):
            return query.get(name, [default])[0]

        wanted = "GET" if what == "requests" else "POST"
        if environ["REQUEST_METHOD"] != wanted:
            return answer(start_response, "405 Method Not Allowed", {"error": f"use {wanted}"})
        try:
            with self.lock:
                if what == "requests":
                    return answer(start_response, "200 OK", self.requests)
                if what == "reset":
                    self.requests = []
                elif what == "delay":
                    self.delay_ms = max(0, int(first("ms", "0")))
                elif what == "deny":
                    self.deny_prefix = first("prefix", "")
                    self.deny_lists = first("list", "0") == "1"
                    self.deny_only_deletes = first("only", "") == "delete"
                elif what == "throttle":
                    self.throttle = max(0, int(first("count", "0")))
                elif what == "race":
                    self.race = max(0, int(first("count", "0")))
                elif what == "lose":
                    self.lose = max(0, int(first("count", "0")))
                    self.lose_method = first("method", "")
                else:
                    return answer(start_response, "404 Not Found", {"error": f"no control named {what!r}"})
        except ValueError as e:
            return answer(start_response, "400 Bad Request", {"error": str(e)})
        return answer(start_response, "200 OK", {"ok": True})


def key_of(path):
    """The key in `/bucket/key` or `bucket/key`; empty for a bucket."""
    return path.lstrip("/").partition("/")[2]


def is_bulk_delete(environ, path):
    return environ["REQUEST_METHOD"] == "POST" and not key_of(path) and "delete" in environ.get("QUERY_STRING", "")


def counted(body, record):
    """`body`, its length added up in `record`: before each piece is sent, so that a client that has the whole
    answer finds the record complete."""
    try:
        for piece in body:
            record["bytes"] += len(piece)
            yield piece
    finally:
        if hasattr(body, "close"):
            body.close()


def drain(environ):
    """Reads what the client sends. Closing on unread data resets the connection, and the client would see that
    instead of the answer."""
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):  # chunked
        while stream.read(1 << 16):
            pass
        return
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left > 0:
        piece = stream.read(min(left, 1 << 16))
        if not piece:
            return
        left -= len(piece)


def refuse(environ, start_response, status, code, message, path):
    drain(environ)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message><Resource>{escape(path)}</Resource>"
        "<RequestId>LAKEWARDTEST</RequestId></Error>"
    ).encode()
    if environ["REQUEST_METHOD"] == "HEAD":
        body = b""
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def answer(start_response, status, value):
    body = json.dumps(value).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def main():
    logging.getLogger("werkzeug").disabled = True
    app = Traffic(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    os.environ["MOTO_PORT"] = str(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"PORT {server.server_port}", flush=True)
    # Nobody reads on: what moto prints must not fill the pipe and block it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)  # threads may be amid a request; the test is gone


if __name__ == "__main__":
    main()
