"""Validates Kubernetes objects: a JSON list of [name, object] on standard input, a line for each error on standard output.

Kinds of Kubernetes against its own schemas of each version given, strictly (a field that is not there is an error);
those of the Prometheus Operator and cert-manager against models made from their definitions. Needs kubernetes-validate,
cloudcoil-models-prometheus-operator and cloudcoil-models-cert-manager.
"""

import functools
import json
import sys

import kubernetes_validate
from cloudcoil.models.cert_manager import v1 as cert_manager
from cloudcoil.models.prometheus_operator import v1 as prometheus

# Each object would read the file of all definitions again.
kubernetes_validate.utils.schema_contents = functools.lru_cache(None)(kubernetes_validate.utils.schema_contents)

MODELS = {
    "monitoring.coreos.com/v1": prometheus,
    "cert-manager.io/v1": cert_manager,
}


def lost(given, kept, path=""):
    """The models drop what they do not know, so what does not come back is an error."""
    if isinstance(given, dict):
        for key, value in given.items():
            if not isinstance(kept, dict) or key not in kept:
                yield f"{path}.{key} is no field"
            else:
                yield from lost(value, kept[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(kept, list):
        for index, (one, other) in enumerate(zip(given, kept)):
            yield from lost(one, other, f"{path}[{index}]")


def errors(manifest, versions):
    models = MODELS.get(manifest["apiVersion"])
    if models is not None:
        try:
            model = getattr(models, manifest["kind"]).model_validate(manifest)
        except Exception as error:  # pydantic says it in many lines
            yield " ".join(str(error).split())
            return
        yield from lost(manifest["spec"], model.model_dump(mode="json", by_alias=True)["spec"], "spec")
        return
    for version in versions:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{version}: {'.'.join(str(p) for p in error.path)}: {error.message}"
        except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError) as error:
            yield f"{version}: {error}"


for name, manifest in json.load(sys.stdin):
    for error in errors(manifest, sys.argv[1:]):
        print(f"{name}: {manifest['kind']} {manifest['metadata']['name']}: {error}")
