"""The cluster file is one that Ray's tool takes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).parents[4]


def test_cluster_file_fits_the_schema() -> None:
    """A head that starts Vareon, and one worker."""
    cluster = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    ray = importlib.util.find_spec("ray")
    assert ray is not None
    assert ray.origin is not None
    schema = json.loads((Path(ray.origin).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(cluster, schema)
    assert any("vareon up" in command for command in cluster["head_start_ray_commands"])
    assert len(cluster["provider"]["worker_ips"]) == cluster["max_workers"] == 1
