#!/usr/bin/env bash
# What checks deploy/ and compose.yaml: the schemas of Kubernetes in .tools/manifests; helm, kustomize where there is no kubectl,
# and our own scripts/manifests/schemas in .tools/bin.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

packages=(kubernetes-validate==1.37.0)
programs=(helm.sh/helm/v3/cmd/helm@v3.22.0)
command -v kubectl >/dev/null || programs+=(sigs.k8s.io/kustomize/kustomize/v5@v5.7.1)
schemas=$root/scripts/manifests/schemas
version="${packages[*]} ${programs[*]} $(cat "$schemas"/{main.go,go.sum} | cksum)"
is_installed manifests "$version" && exit 0
need "the manifests" python3 go
rm -rf "$tools/manifests"
quietly python3 -m venv "$tools/manifests" || skip "the manifests" "python3 cannot make virtual environments"
quietly "$tools/manifests/bin/pip" install --disable-pip-version-check "${packages[@]}"
for program in "${programs[@]}"; do GOBIN=$tools/bin quietly go install "$program"; done
(cd "$schemas" && quietly go build -o "$tools/bin/manifest-schemas" .)
mark_installed manifests "$version"
