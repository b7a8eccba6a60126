"""The cluster files in services/ray, read by Ray's own readers, and their commands by those who run them."""

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from ragqa.cli import cli
from ragqa.ray.cluster import load_ray

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "services" / "ray"
VLLM = REPOSITORY / "services" / "vllm.py"
MANIFESTS = ("kuberay-build.yaml", "kuberay-serve.yaml")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's own
# https://ray-project.github.io/kuberay/reference/api/
JOB_FIELDS = {"entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit", "rayClusterSpec"}
CLUSTER_FIELDS = {
    "rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions", "headGroupSpec", "workerGroupSpecs",
}  # fmt: skip
GROUP_FIELDS = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}


def _documents(name: str) -> dict[str, Any]:
    return {document["kind"]: document for document in yaml.safe_load_all((FOLDER / name).read_text())}


def _parse(command: click.Command, words: list[str]) -> click.Context:
    """Refuses options and arguments that the command does not have; runs nothing."""
    context = command.make_context(command.name, list(words))
    if isinstance(command, click.Group):
        _name, inner, rest = command.resolve_command(context, context.protected_args + context.args)
        assert inner is not None
        return _parse(inner, rest)
    return context


def test_ray_takes_the_file_for_ray_up() -> None:
    load_ray()
    from ray.autoscaler._private.util import prepare_config, validate_config
    from ray.scripts.scripts import cli as ray_cli

    config = yaml.safe_load((FOLDER / "cluster.yaml").read_text())
    prepared = prepare_config(config)
    validate_config(prepared)
    assert prepared["available_node_types"]["local.cluster.node"]["max_workers"] == len(
        config["provider"]["worker_ips"]
    )
    for line in [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]:
        words = shlex.split(line)
        assert "RAY_AUTH_MODE=token" in words or words[1:] == ["stop"]
        context = _parse(ray_cli, words[next(place for place, word in enumerate(words) if word.endswith("/ray")) + 1 :])
        if context.params.get("head"):
            assert context.params["dashboard_host"] == "127.0.0.1"


@pytest.mark.parametrize("name", MANIFESTS)
def test_ray_takes_the_cluster_of_a_kubernetes_manifest(name: str) -> None:
    load_ray()
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

    job = _documents(name)["RayJob"]
    assert job["apiVersion"] == "ray.io/v1"
    assert set(job["spec"]) <= JOB_FIELDS
    cluster = job["spec"]["rayClusterSpec"]
    assert set(cluster) <= CLUSTER_FIELDS
    resource = {"metadata": {"name": "ragqa", "namespace": "default"}, "spec": cluster}
    read = _derive_autoscaling_config_from_ray_cr(resource)
    for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]:
        assert set(group) <= GROUP_FIELDS
    workers = read["available_node_types"]["workers"]
    assert 1 <= workers["min_workers"] <= workers["max_workers"]
    assert workers["resources"]["CPU"] >= 4
    version = re.search(r"^ray==(\S+)$", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE)
    assert version is not None
    assert cluster["rayVersion"] == version[1], "the Ray of the image is that of constraints.txt"


@pytest.mark.parametrize("name", MANIFESTS)
def test_all_nodes_of_a_kubernetes_manifest_are_alike_and_share_a_home(name: str) -> None:
    cluster = _documents(name)["RayJob"]["spec"]["rayClusterSpec"]
    claims = yaml.safe_load((FOLDER / "kuberay-build.yaml").read_text().split("---")[0])
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    for pod in pods:
        container = pod["containers"][0]
        home = next(entry["value"] for entry in container["env"] if entry["name"] == "RAGQA_HOME")
        assert home in {mount["mountPath"] for mount in container["volumeMounts"]}
        assert pod["volumes"] == [{"name": "home", "persistentVolumeClaim": {"claimName": claims["metadata"]["name"]}}]
        assert container["image"] == pods[0]["containers"][0]["image"]
        assert pod["securityContext"]["runAsNonRoot"]
    assert claims["spec"]["accessModes"] == ["ReadWriteMany"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_command_of_a_kubernetes_manifest_is_one_of_ragqa(name: str) -> None:
    entrypoint = _documents(name)["RayJob"]["spec"]["entrypoint"].replace("$(hostname -i)", "10.0.0.1")
    words = shlex.split(entrypoint)
    assert words[0] == "ragqa"
    assert _parse(cli, words[1:]).params["ray_address"] == "10.0.0.1:6379"


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_ports_of_ray_are_for_the_cluster_alone(name: str) -> None:
    documents = _documents(name)
    cluster = documents["RayJob"]["spec"]["rayClusterSpec"]
    policy = documents["NetworkPolicy"]["spec"]
    assert cluster["authOptions"] == {"mode": "token"}
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        labels = group["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    for rule in policy["ingress"]:
        assert "from" in rule or rule["ports"] == [{"port": 8000}]


def test_ray_serve_takes_the_file_that_starts_a_pool_of_vllm() -> None:
    load_ray()
    from ray.llm._internal.serve.core.configs.llm_config import LLMConfig
    from ray.serve.config import AutoscalingConfig
    from ray.serve.schema import ServeDeploySchema

    read = ServeDeploySchema.model_validate(yaml.safe_load((FOLDER / "vllm.yaml").read_text()))
    (application,) = read.applications
    assert application.import_path == "ray.serve.llm:build_openai_app"
    assert read.http_options.host == "127.0.0.1"
    assert read.http_options.port != 8000, "that is ragqa's own"
    (config,) = (LLMConfig.model_validate(each) for each in application.args["llm_configs"])
    scaling = AutoscalingConfig.model_validate(config.deployment_config["autoscaling_config"])
    assert scaling.min_replicas < scaling.max_replicas
    known = ast.literal_eval(re.search(r"^STRUCTURED = (.*)$", VLLM.read_text(), re.MULTILINE)[1])  # type: ignore[index]
    assert config.engine_kwargs["structured_outputs_config"] == known, "as vLLM is started by make vllm"
