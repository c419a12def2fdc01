"""A server that speaks as much of the hub's protocol as its client needs to fetch a repository: revisions,
redirects of large files to another host, ETags, ranges, commit and hash headers. And it can misbehave."""

import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NEXT_COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
LARGE = ".safetensors"
"""Files that the hub keeps apart (Git LFS), and answers for with a redirect."""


class HubServer:
    """Serves `repositories`: a folder for each `owner/name`. A context manager; `url` for HF_ENDPOINT."""

    def __init__(self, repositories: dict[str, Path]) -> None:
        self.repositories = repositories
        self.requests: list[str] = []
        self.commit = COMMIT
        """What `main` is now."""
        self.refuse: list[tuple[str, int, int]] = []
        """(part of a path, status, how often): answers that are no."""
        self.retry_after: str | None = None
        self.cut: Counter[str] = Counter()
        """How often to break off in the middle of a file, by its name."""
        self.alter: set[str] = set()
        """Files that are sent with one byte changed."""
        self.delay = 0.0
        """Seconds before a large file begins to come."""
        self.ranges = True
        self.asked_ranges: list[str] = []
        self.tokens: list[tuple[str, str]] = []
        """(path, authorization) of all requests that had one."""
        self.sent = 0
        """Bytes of files that went out."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                hub.requests.append(self.path)
                if token := self.headers.get("Authorization"):
                    hub.tokens.append((self.path, token))
                for i, (part, status, times) in enumerate(hub.refuse):
                    if part in self.path and times > 0:
                        hub.refuse[i] = (part, status, times - 1)
                        return self.no(status)
                parts = self.path.split("?")[0].strip("/").split("/")
                if parts[:2] == ["api", "models"]:
                    return self.facts("/".join(parts[2:4]), parts[4:])
                if len(parts) == 5 and parts[2] == "resolve":
                    return self.resolve("/".join(parts[:2]), parts[3], parts[4])
                if parts[0] == "cdn":
                    time.sleep(hub.delay)
                    return self.file(hub.repositories["/".join(parts[1:3])] / parts[3], {})
                return self.no(404, "RepoNotFound")

            do_HEAD = do_GET

            def facts(self, name, rest):
                folder = hub.repositories.get(name)
                if folder is None:
                    return self.no(404, "RepoNotFound")
                if (rest[1] if rest else "main") not in {"main", hub.commit}:
                    return self.no(404, "RevisionNotFound")
                names = sorted(path.name for path in folder.iterdir())
                if rest[:1] == ["tree"]:
                    sizes = {n: (folder / n).stat().st_size for n in names}
                    tree = [{"type": "file", "path": n, "size": sizes[n], "oid": n} for n in names]
                    return self.answer(200, json.dumps(tree).encode(), {})
                facts = {"id": name, "sha": hub.commit}
                facts["siblings"] = [{"rfilename": n} for n in names]
                body = json.dumps(facts).encode()
                return self.answer(200, body, {"Content-Type": "application/json"})

            def resolve(self, name, revision, file):
                path = hub.repositories[name] / file
                if not path.is_file():
                    return self.no(404, "EntryNotFound")
                content = path.read_bytes()
                headers = {"X-Repo-Commit": hub.commit}
                if not file.endswith(LARGE):
                    git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
                    return self.file(path, headers | {"ETag": f'"{git}"'})
                headers |= {
                    "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                    "X-Linked-Size": str(len(content)),
                    # another origin, as the hub's storage is: it must not see the token
                    "Location": hub.url.replace("127.0.0.1", "localhost") + f"/cdn/{name}/{file}",
                }
                return self.answer(302, b"", headers)

            def file(self, path, headers):
                body = path.read_bytes()
                if path.name in hub.alter:
                    body = body[:-1] + bytes([body[-1] ^ 1])
                status, whole = 200, len(body)
                if hub.ranges and (asked := self.headers.get("Range")):
                    hub.asked_ranges.append(asked)
                    start = int(asked.removeprefix("bytes=").rstrip("-"))
                    status, body = 206, body[start:]
                    headers = headers | {"Content-Range": f"bytes {start}-{whole - 1}/{whole}"}
                if self.command == "GET" and hub.cut[path.name] > 0:
                    hub.cut[path.name] -= 1
                    return self.answer(status, body, headers, send=len(body) // 2)
                return self.answer(status, body, headers)

            def no(self, status, code=None):
                headers = {"X-Error-Code": code} if code else {}
                if hub.retry_after is not None:
                    headers["Retry-After"] = hub.retry_after
                return self.answer(status, b"", headers)

            def answer(self, status, body, headers, send=None):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body[:send])
                    hub.sent += len(body[:send])
                if send is not None:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
