"""A server that speaks as much of the hub's protocol as its client needs to fetch a repository."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubServer:
    """Serves `repositories`: a folder for each `owner/name`. A context manager; `url` for HF_ENDPOINT."""

    def __init__(self, repositories: dict[str, Path]) -> None:
        self.repositories = repositories
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                hub.requests.append(self.path)
                parts = self.path.split("?")[0].strip("/").split("/")
                if parts[:2] == ["api", "models"]:
                    folder = hub.repositories.get("/".join(parts[2:4]))
                    revision = parts[5] if len(parts) > 5 else "main"
                    if folder is None or revision not in {"main", COMMIT}:
                        return self.missing()
                    files = sorted(path.name for path in folder.iterdir())
                    facts = {
                        "id": "/".join(parts[2:4]),
                        "sha": COMMIT,
                        "siblings": [{"rfilename": name} for name in files],
                    }
                    if "tree" in parts:
                        facts = [
                            {
                                "type": "file",
                                "path": n,
                                "size": (folder / n).stat().st_size,
                                "oid": n,
                            }
                            for n in files
                        ]
                    return self.answer(json.dumps(facts).encode(), "application/json")
                if len(parts) == 5 and parts[2] == "resolve":
                    folder = hub.repositories.get("/".join(parts[:2]))
                    path = folder / parts[4] if folder else None
                    if path is None or not path.is_file():
                        return self.missing()
                    return self.answer(path.read_bytes(), "application/octet-stream")
                return self.missing()

            do_HEAD = do_GET

            def missing(self):
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def answer(self, body: bytes, kind: str):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
