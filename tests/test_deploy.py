"""The files that put the app on a server: checked by the tools of each kind, and against each other.

A tool that is missing skips its test; what the files say of each other needs none.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.serving import free_port
from viz.server.settings import MAX_UPLOAD_MB, ServerSettings, read_settings, variable_name

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = ROOT / "compose.yaml"
KUBERNETES = ROOT / ".deploy/kubernetes.yaml"
NGINX = (ROOT / ".deploy/nginx.conf").read_text()
CONFIG = ROOT / ".streamlit/config.toml"
PORT = 8501


def instructions(name: str) -> list[str]:
    """What follows an instruction of the Dockerfile, lines joined."""
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", joined, re.MULTILINE)


def server_command() -> list[str]:
    found: list[str] = json.loads(instructions("CMD")[-1])
    return found


def documents(path: Path) -> list[Any]:
    yaml = pytest.importorskip("yaml", reason="no PyYAML")
    return list(yaml.safe_load_all(path.read_text()))


def run(*command: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **settings)


def tool(name: str) -> str:
    """The program, on the path or beside this Python."""
    found = shutil.which(
        name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if found is None:
        pytest.skip(f"no {name}")
    return found


# Each file by the tool of its kind.


def test_hadolint_finds_nothing() -> None:
    done = run(tool("hadolint"), str(ROOT / "Dockerfile"))
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_keeps_to_its_schema() -> None:
    done = run(
        tool("check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
        "compose.yaml",
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout


def test_kubernetes_takes_every_document() -> None:
    if not find_spec("kubernetes_validate"):
        pytest.skip("no kubernetes-validate")
    from kubernetes_validate import validate

    found = documents(KUBERNETES)
    assert len(found) == 6
    for document in found:
        validate(document, "1.32", strict=True)


def nginx_here(folder: Path, servers: str = "server 127.0.0.1:1;", listen: int = 1) -> Path:
    """The configuration as it is served, but for addresses and folders of this machine."""
    (folder / "mime.types").write_text("types { text/html html; }")
    changes = {
        "/tmp/": f"{folder}/",
        f"server app:{PORT} max_fails=2 fail_timeout=5s;": servers,
        "listen 8080;": f"listen 127.0.0.1:{listen};",
        "/etc/nginx/mime.types": f"{folder}/mime.types",
    }
    text = NGINX
    for there, here in changes.items():
        assert there in text
        text = text.replace(there, here)
    path = folder / "nginx.conf"
    path.write_text(text)
    return path


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    done = run(tool("nginx"), "-t", "-c", str(nginx_here(tmp_path)))
    assert done.returncode == 0, done.stderr


class Replica(BaseHTTPRequestHandler):
    """Answers with its own port; the cookies of others it hands out anew, as Streamlit does."""

    def do_GET(self) -> None:
        body = str(self.server.server_address[1]).encode()
        self.send_response(200)
        self.send_header("Set-Cookie", f"_streamlit_xsrf=2|{os.urandom(4).hex()}|x|1; Path=/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[int, list[ThreadingHTTPServer]]]:
    """The port of a real nginx, and the two replicas behind it."""
    program, port = tool("nginx"), free_port()
    replicas = [ThreadingHTTPServer(("127.0.0.1", 0), Replica) for _ in range(2)]
    for replica in replicas:
        Thread(target=replica.serve_forever, args=(0.05,), daemon=True).start()
    servers = " ".join(f"server 127.0.0.1:{r.server_address[1]};" for r in replicas)
    command = [program, "-g", "daemon off;", "-c", str(nginx_here(tmp_path, servers, port))]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while not accepts(port):
                assert process.poll() is None
            yield port, replicas
        finally:
            process.terminate()
            for replica in replicas:
                replica.shutdown()
                replica.server_close()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def asked(port: int, cookies: dict[str, str], **headers: str) -> str:
    """Which replica answers a browser with these cookies; it takes the ones that come back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
    connection.request("GET", "/", headers={"Cookie": sent, **headers})
    answer = connection.getresponse()
    for cookie in answer.headers.get_all("Set-Cookie", []):
        name, _, rest = cookie.partition("=")
        cookies[name] = rest.partition(";")[0]
        cookies.setdefault(f"marks of {name}", rest.partition("; ")[2])
    cookies.pop("marks of _streamlit_xsrf", None)
    text = answer.read().decode()
    connection.close()
    return text


def test_each_browser_stays_with_one_replica_from_its_first_request_on(
    proxied: tuple[int, list[ThreadingHTTPServer]],
) -> None:
    port, replicas = proxied
    reached = set()
    for _ in range(20):
        browser: dict[str, str] = {}
        where = {asked(port, browser) for _ in range(6)}
        assert len(where) == 1
        assert browser["marks of strides_route"] == "Path=/; HttpOnly; SameSite=Lax"
        reached |= where
    assert reached == {str(replica.server_address[1]) for replica in replicas}


def test_a_cookie_that_is_none_of_the_proxys_is_replaced(
    proxied: tuple[int, list[ThreadingHTTPServer]],
) -> None:
    port, _ = proxied
    browser = {"strides_route": "x' or 1"}
    asked(port, browser, **{"X-Forwarded-Proto": "https"})
    assert re.fullmatch("[0-9a-f]{32}", browser["strides_route"])
    marks = browser["marks of strides_route"]
    assert marks == "Path=/; HttpOnly; SameSite=None; Secure; Partitioned"


def test_when_a_replica_goes_its_browsers_reach_the_other(
    proxied: tuple[int, list[ThreadingHTTPServer]],
) -> None:
    port, (first, second) = proxied
    browsers: list[dict[str, str]] = [{} for _ in range(40)]
    homes = [asked(port, browser) for browser in browsers]
    assert str(first.server_address[1]) in homes
    first.shutdown()
    first.server_close()
    assert {asked(port, browser) for browser in browsers} == {str(second.server_address[1])}


# The files against each other and against the app.


def test_the_image_starts_the_hosted_app() -> None:
    command = server_command()
    assert command[:2] == ["uvicorn", "app:app"]
    assert command[command.index("--port") + 1] == instructions("EXPOSE")[-1] == str(PORT)
    known = run(sys.executable, "-m", "uvicorn", "--help").stdout
    assert [word for word in command if word.startswith("--") and word not in known] == []


def readme_command() -> list[str]:
    """The command of README's section on servers, in words, the variable before it first."""
    rows = (ROOT / "README.md").read_text().splitlines()
    (row,) = [row for row in rows if row.startswith("| This machine, one server |")]
    return row.split("`")[1].split()


def test_readme_starts_the_server_as_the_image_does() -> None:
    variable_, *command = readme_command()
    assert variable_ in " ".join(instructions("ENV")).split()
    assert command == server_command()


def test_messages_are_bounded_before_they_are_whole() -> None:
    command = server_command()
    largest = int(re.findall(r"^maxWidgetStateSize = (\d+)$", CONFIG.read_text(), re.MULTILINE)[0])
    assert (
        largest * 2**20 < int(command[command.index("--ws-max-size") + 1]) < 1.1 * largest * 2**20
    )


def test_the_image_is_not_root_and_knows_its_health() -> None:
    assert instructions("USER") == ["1000"]
    check = json.loads(instructions("HEALTHCHECK")[0].partition("CMD ")[2])
    compile(check[2], "health", "exec")
    assert f"{PORT}" in check[2]
    assert "/_stcore/health" in check[2]


def test_the_health_check_tells_well_from_ill(app_url: str) -> None:
    check = json.loads(instructions("HEALTHCHECK")[0].partition("CMD ")[2])[2]
    served = app_url.rpartition(":")[2]
    assert run(sys.executable, "-c", check.replace(str(PORT), served)).returncode == 0
    assert run(sys.executable, "-c", check.replace(str(PORT), "1")).returncode != 0
    ill = check.replace(str(PORT), served).replace("/_stcore/health", "/_stcore/agent/none")
    assert run(sys.executable, "-c", ill).returncode == 1


def test_the_image_holds_what_runs_and_nothing_else() -> None:
    copied = {Path(text.split()[0]).name for text in instructions("COPY") if "--from" not in text}
    assert copied == {"requirements.txt", "app.py", ".streamlit", "core", "viz"}
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    assert all((ROOT / name).exists() for name in kept)
    assert {name.split("/")[0] for name in kept} == copied
    assert not any(fnmatch("tests", name) for name in kept)


def test_every_setting_reaches_a_container() -> None:
    environment = documents(COMPOSE)[0]["services"]["app"]["environment"]
    names = [variable_name(field) for field in fields(ServerSettings)]
    # A visitor of a public server never loads modules: that one is for one's own machine.
    assert list(environment) == [name for name in names if name != "STRIDES_LOCAL_MODULES"]
    assert read_settings(dict.fromkeys(environment, "")) == ServerSettings()
    assert "STRIDES_WORKERS=1" in DOCKERFILE
    defaults = {"STRIDES_WORKERS": "${STRIDES_ANALYSTS:-1}"}  # by its former name, or the image's
    assert environment == {name: f"${{{name}:-{defaults.get(name, '')}}}" for name in environment}


def test_containers_are_shut_in() -> None:
    for service in documents(COMPOSE)[0]["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [where.split(":")[0] for where in service["tmpfs"]] == ["/tmp"]


def test_what_the_proxy_lets_through_the_app_takes() -> None:
    body = re.findall(r"client_max_body_size (\d+)m;", NGINX)
    assert body == [str(MAX_UPLOAD_MB + 1)]  # the form around the picture
    ingress = re.findall(r"proxy-body-size: (\d+)m", KUBERNETES.read_text())
    assert ingress == body
    config = (ROOT / ".streamlit/config.toml").read_text()
    assert re.findall(r"^maxUploadSize = (\d+)$", config, re.MULTILINE) == [str(MAX_UPLOAD_MB)]
    assert f"server app:{PORT}" in NGINX
    proxy = documents(COMPOSE)[0]["services"]["proxy"]
    (listens,) = re.findall(r"listen (\d+);", NGINX)
    assert proxy["ports"][0].endswith(f":{listens}")


def of_kind(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(d for d in documents(KUBERNETES) if d["kind"] == kind)
    return found


def test_a_cluster_gives_good_settings() -> None:
    given = of_kind("ConfigMap")["data"]
    host = of_kind("Ingress")["spec"]["rules"][0]["host"]
    assert read_settings(given) == ServerSettings(public_address=f"https://{host}")
    assert of_kind("Ingress")["spec"]["tls"][0]["hosts"] == [host]


def test_a_cluster_finds_the_pods() -> None:
    labels = of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        of_kind("Deployment")["spec"]["selector"]["matchLabels"],
        of_kind("Service")["spec"]["selector"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    assert [selector for selector in selectors if not selector.items() <= labels.items()] == []


def test_a_pod_is_shut_in_and_probed() -> None:
    pod = of_kind("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert not pod["enableServiceLinks"]  # STRIDES_PORT would come with them
    assert pod["securityContext"]["runAsUser"] == int(instructions("USER")[0])
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["ports"] == [{"name": "http", "containerPort": PORT}]
    probes = [container[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")]
    assert {probe["httpGet"]["path"] for probe in probes} == {"/_stcore/health"}


def test_hugging_face_is_told_the_port() -> None:
    front = (ROOT / ".deploy/huggingface.md").read_text().split("---\n")[1]
    told = dict(line.split(": ", 1) for line in front.splitlines())
    assert told["sdk"] == "docker"
    assert told["app_port"] == str(PORT)
    assert len(told["short_description"]) <= 60


# What is installed.


def pinned() -> dict[str, str]:
    """The packages of requirements.txt, in lower case, and their versions."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pairs = [line.partition(";")[0].split("==") for line in lines if "==" in line]
    return {name.strip().lower(): version.strip() for name, version in pairs}


def imported() -> set[str]:
    """The packages that app.py, core and viz import, by their names in Python."""
    sources = (ROOT / "app.py", *(ROOT / "core").rglob("*.py"), *(ROOT / "viz").rglob("*.py"))
    names = re.compile(
        r"^\s*(?:from|import) ([a-zA-Z]\w*)|import_module\(\"(\w+)\"\)", re.MULTILINE
    )
    found = {a or b for file in sources for a, b in names.findall(code(file))}
    return found - sys.stdlib_module_names - {"core", "viz", "app"}


def code(file: Path) -> str:
    """A source without its texts, in which sentences may begin with any word."""
    return re.sub(r'"""[\s\S]*?"""', "", file.read_text())


OPTIONAL = {"imageio_ffmpeg"}
"""Imported where somebody has installed it."""


def test_every_package_that_is_imported_is_pinned_as_installed() -> None:
    owners, pins = packages_distributions(), pinned()
    names = imported() - OPTIONAL
    assert {"starlette", "streamlit", "torch"} <= names
    for name in names:
        owner = owners[name][0].lower()
        assert owner in pins, f"{name} is imported, and requirements.txt pins no {owner}"
        assert version(owner).partition("+")[0] == pins[owner], owner


def test_the_programs_that_serve_are_pinned() -> None:
    assert {"uvicorn", "websockets"} <= pinned().keys()
    assert server_command()[0] == "uvicorn"
