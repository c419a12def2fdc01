"""Compose, Kubernetes and Azure say the same of the service as the image and the settings do.

Here is what a schema can't know; `make checks` holds the files to their schemas.
"""

import re
import shutil
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml

from lookalike.settings import Settings
from tests.deploy.dockerfile import ROOT

MEBI = 2**20
KNOWN = {f"LOOKALIKE_{name.upper()}" for name in Settings.model_fields} | {
    "MODEL_NAME",
    "MODEL_DEVICE",
    "BATCH_SIZE",
    "QDRANT_URL",
    "QDRANT_API_KEY",
}
KUBECTL = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def compose(overlay: str = "") -> dict[str, Any]:
    text = (ROOT / f"docker-compose{overlay}.yml").read_text()
    return yaml.safe_load(re.sub(r"!(reset|override)", "", text))["services"]


@cache
def kubernetes(overlay: str) -> dict[tuple[str, str], dict[str, Any]]:
    folder = ROOT / "deploy/kubernetes/overlays" / overlay
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(done.stdout)}


def pod(deployment: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    spec = deployment["spec"]["template"]["spec"]
    return spec, spec["containers"][0]


def azure() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "deploy/azure/containerapp.yaml").read_text())["properties"]


# Names


def test_every_setting_that_a_template_sets_exists() -> None:
    texts = [
        *ROOT.glob("docker-compose*.yml"),
        *(ROOT / "deploy").rglob("*.y*ml"),
        ROOT / "Dockerfile",
    ]
    named = {
        (path.name, name)
        for path in texts
        for name in re.findall(r"\bLOOKALIKE_[A-Z_]+\b", path.read_text())
    }
    ours = {
        "LOOKALIKE_IMAGE",
        "LOOKALIKE_BIND",
        "LOOKALIKE_CPUS",
        "LOOKALIKE_MEMORY",
        "LOOKALIKE_REPLICAS",
    }
    assert {one for one in named if one[1] not in KNOWN | ours} == set()


# Compose


def test_compose_starts_qdrant_first_and_keeps_models_in_a_named_volume() -> None:
    services = compose()
    ours = services["lookalike"]
    assert ours["depends_on"]["qdrant"]["condition"] == "service_healthy"
    assert services["qdrant"]["healthcheck"]
    assert "model_cache:/home/appuser/.cache" in ours["volumes"]
    assert ours["environment"]["QDRANT_URL"] == "http://qdrant:6333"
    assert ours["environment"].keys() >= {"MODEL_NAME", "MODEL_DEVICE"}


@pytest.mark.parametrize("overlay", ["", ".monitoring", ".replicas"])
def test_every_service_of_compose_has_limits_and_gives_up_all_rights(overlay: str) -> None:
    for name, service in compose(overlay).items():
        if name == "lookalike" and overlay:
            continue
        limits = service["deploy"]["resources"]["limits"]
        assert limits.keys() == {"cpus", "memory"}, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_compose_gives_what_was_accepted_the_time_to_finish() -> None:
    pause = int(compose()["lookalike"]["stop_grace_period"].removesuffix("s"))
    assert pause > Settings.model_fields["grace_seconds"].default


def test_qdrant_is_new_enough_everywhere() -> None:
    """1.17 or newer, docs/catalogue-store.md says; and one version in all templates."""
    texts = [(ROOT / "docker-compose.yml").read_text()]
    texts.append((ROOT / "deploy/kubernetes/components/qdrant/qdrant.yaml").read_text())
    found = {
        re.search(r"v(\d+)\.(\d+)\.\d+", text[text.index("qdrant/qdrant:") :]) for text in texts
    }
    versions = {(int(one[1]), int(one[2])) for one in found if one}
    assert len(versions) == 1
    assert versions.pop() >= (1, 17)


# Kubernetes


@KUBECTL
@pytest.mark.parametrize("overlay", ["embedding", "catalogue", "everything"])
def test_pods_have_no_rights_no_writable_root_and_no_account(overlay: str) -> None:
    for (kind, name), one in kubernetes(overlay).items():
        if kind not in ("Deployment", "StatefulSet", "Job"):
            continue
        spec, container = pod(one)
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["automountServiceAccountToken"] is False, name
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False, name
        assert rights["capabilities"] == {"drop": ["ALL"]}, name
        assert rights.get("readOnlyRootFilesystem") is True or name == "qdrant", name
        assert "memory" in container["resources"]["limits"], name
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name


@KUBECTL
def test_probes_ask_the_service_as_they_should() -> None:
    _, container = pod(kubernetes("embedding")["Deployment", "lookalike"])
    paths = {
        name: container[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "readiness", "liveness")
    }
    assert paths == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/healthz"}


@KUBECTL
def test_only_qdrant_and_names_can_be_reached_from_the_service() -> None:
    alone = kubernetes("embedding")["NetworkPolicy", "lookalike"]["spec"]
    assert alone["policyTypes"] == ["Ingress", "Egress"]
    assert [{one["port"] for one in rule["ports"]} for rule in alone["egress"]] == [{53}]
    with_store = kubernetes("catalogue")["NetworkPolicy", "lookalike"]["spec"]["egress"]
    assert [{one["port"] for one in rule["ports"]} for rule in with_store] == [{53}, {6333}]
    target = with_store[1]["to"][0]["podSelector"]["matchLabels"]
    labels = kubernetes("catalogue")["StatefulSet", "qdrant"]["spec"]["template"]["metadata"][
        "labels"
    ]
    assert target.items() <= labels.items()
    assert all(rule["to"] for rule in with_store), "a rule without a target lets everything out"


@KUBECTL
def test_keys_come_from_secrets_and_never_from_the_manifests() -> None:
    made = kubernetes("everything")
    assert not [one for one in made if one[0] == "Secret"]
    spec, container = pod(made["Deployment", "lookalike"])
    keys = next(volume for volume in spec["volumes"] if volume["name"] == "keys")
    assert keys["secret"]["secretName"] == "lookalike"
    key = next(one for one in container["env"] if one["name"] == "QDRANT_API_KEY")
    assert key["valueFrom"]["secretKeyRef"]["name"] == "qdrant"
    config = next(one["data"] for name, one in made.items() if name[0] == "ConfigMap")
    assert not any("KEY" in name for name in config)
    assert config["QDRANT_URL"] == "http://qdrant:6333"


@KUBECTL
def test_selectors_choose_the_pods_that_are_there() -> None:
    made = kubernetes("everything")
    labels = {
        name: one["spec"]["template"]["metadata"]["labels"]
        for (kind, name), one in made.items()
        if kind in ("Deployment", "StatefulSet", "Job")
    }
    for (kind, name), one in made.items():
        if kind in ("Service", "PodDisruptionBudget"):
            selector = one["spec"]["selector"]
            selector = selector.get("matchLabels", selector)
            assert any(selector.items() <= each.items() for each in labels.values()), (kind, name)
    target = made["HorizontalPodAutoscaler", "lookalike"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) in made


@KUBECTL
def test_the_queue_that_replicas_are_scaled_by_is_a_metric() -> None:
    metrics = kubernetes("everything")["HorizontalPodAutoscaler", "lookalike"]["spec"]["metrics"]
    names = [one["pods"]["metric"]["name"] for one in metrics if one["type"] == "Pods"]
    assert names == ["lookalike_queue_items"]
    assert f"`{names[0]}`" in (ROOT / "docs/service.md").read_text()


@KUBECTL
def test_a_pod_may_finish_before_it_is_killed() -> None:
    spec, container = pod(kubernetes("embedding")["Deployment", "lookalike"])
    pause = int(re.search(r"sleep\((\d+)\)", str(container["lifecycle"]))[1])  # type: ignore[index]
    grace = Settings.model_fields["grace_seconds"].default
    assert spec["terminationGracePeriodSeconds"] > pause + grace


@KUBECTL
def test_the_volume_of_models_is_where_the_service_looks() -> None:
    _, container = pod(kubernetes("everything")["Deployment", "lookalike"])
    mounts = {one["name"]: one for one in container["volumeMounts"]}
    config = next(v["data"] for k, v in kubernetes("everything").items() if k[0] == "ConfigMap")
    assert config["LOOKALIKE_HOME"].startswith(mounts["models"]["mountPath"])
    assert mounts["models"]["readOnly"] is True


# Azure


def test_azure_gives_what_the_benchmark_measures() -> None:
    container = azure()["template"]["containers"][0]
    assert container["resources"] == {"cpu": 0.5, "memory": "1Gi"}
    script = (ROOT / "benchmarks/small_container.py").read_text()
    assert '"--cores", type=float, default=0.5' in script
    assert '"--memory", type=int, default=1024' in script
    values = {one["name"]: one["value"] for one in container["env"]}
    assert f'"--batch", type=int, default={values["BATCH_SIZE"]}' in script
    millions = int(values["LOOKALIKE_MAX_IMAGE_PIXELS"]) // 1_000_000
    assert f'"--megapixels", type=int, default={millions}' in script


def test_azure_mounts_the_keys_where_the_service_reads_them() -> None:
    template = azure()["template"]
    container = template["containers"][0]
    values = {one["name"]: one["value"] for one in container["env"]}
    mount = container["volumeMounts"][0]
    volume = next(one for one in template["volumes"] if one["name"] == mount["volumeName"])
    path = f"{mount['mountPath']}/{volume['secrets'][0]['path']}"
    assert values["LOOKALIKE_API_KEYS_FILE"] == path
    secrets = {one["name"] for one in azure()["configuration"]["secrets"]}
    assert {one["secretRef"] for one in volume["secrets"]} <= secrets
