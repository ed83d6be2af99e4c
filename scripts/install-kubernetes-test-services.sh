#!/usr/bin/env bash
# Installs the real Kubernetes that test/cluster/operator.test.ts and `npm run bench -- operator` run against: kube-apiserver,
# kube-controller-manager and kube-scheduler, built of their Go module into /opt/ridgepoint-kubernetes, Debian's etcd, and Kueue for
# test/cluster/kueue.long.test.ts. Needs root, Go 1.26, 3 GB of memory and, on two cores, half an hour; without it those tests are skipped by name. What is
# there already is left alone.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

VERSION=1.36.3
FOLDER=/opt/ridgepoint-kubernetes/$VERSION
PROGRAMS=(kube-apiserver kube-controller-manager kube-scheduler)
# As test/support/kubernetes/kueue.ts names them.
KUEUE_VERSION=0.17.0
KUEUE=/opt/ridgepoint-kubernetes/kueue-$KUEUE_VERSION
# Where Kueue wants a certificate for its metrics, and nowhere else, unless it makes its own for the inside of a cluster.
KUEUE_METRICS=/etc/kueue/metrics/certs

if ! command -v etcd >/dev/null 2>&1; then
  echo "install-kubernetes-test-services: installing etcd-server"
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends etcd-server >/dev/null
fi

need_go() {
  command -v go >/dev/null 2>&1 || PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null 2>&1 && return
  echo "install-kubernetes-test-services: there is no Go to build $* with; install Go 1.26" >&2
  exit 1
}

if [[ ! -x $KUEUE/kueue ]]; then
  need_go kueue
  echo "install-kubernetes-test-services: building kueue $KUEUE_VERSION"
  source=$(cd / && go mod download -json "sigs.k8s.io/kueue@v$KUEUE_VERSION" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
  mkdir -p "$KUEUE"
  cp -r --no-preserve=mode "$source/config/components/crd/bases" "$source/config/components/webhook/manifests.yaml" "$KUEUE"
  CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOBIN=$KUEUE nice go install -p 1 -trimpath -ldflags '-s -w' \
    "sigs.k8s.io/kueue/cmd/kueue@v$KUEUE_VERSION"
fi
if [[ ! -e $KUEUE_METRICS/tls.crt ]]; then
  mkdir -p "$KUEUE_METRICS"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=kueue-metrics \
    -keyout "$KUEUE_METRICS/tls.key" -out "$KUEUE_METRICS/tls.crt" 2>/dev/null
fi

missing=()
for program in "${PROGRAMS[@]}"; do [[ -x $FOLDER/$program ]] || missing+=("$program"); done
if ((${#missing[@]})); then
  need_go "${missing[*]}"
  module=$(mktemp -d)
  trap 'rm -rf "$module"' EXIT
  cd "$module"
  export CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=mod'
  # The parts that live in Kubernetes' own repository have the version of the whole, with a 0 in front.
  parts=$(go mod download -json "k8s.io/kubernetes@v$VERSION" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
  {
    printf 'module kubernetes\ngo 1.26.0\nrequire k8s.io/kubernetes v%s\nreplace (\n' "$VERSION"
    sed -n 's|.*\(k8s.io/[a-z-]*\) => ./staging.*|\1|p' "$parts" | while read -r part; do
      echo "  $part => $part v0.${VERSION#*.}"
    done
    echo ')'
  } >go.mod
  {
    printf '//go:build tools\n\npackage kubernetes\n\nimport (\n'
    for program in "${PROGRAMS[@]}"; do echo "  _ \"k8s.io/kubernetes/cmd/$program\""; done
    echo ')'
  } >tools.go
  go mod tidy 2>/dev/null
  say=k8s.io/component-base/version
  for program in "${missing[@]}"; do
    echo "install-kubernetes-test-services: building $program $VERSION"
    nice go build -p 1 -trimpath -o "$FOLDER/$program" \
      -ldflags "-s -w -X $say.gitVersion=v$VERSION -X $say.gitMajor=1 -X $say.gitMinor=36" \
      "k8s.io/kubernetes/cmd/$program"
  done
fi
echo "install-kubernetes-test-services: everything is there"
