#!/usr/bin/env bash
# The manifests of deploy/ and compose.yaml, rendered and looked at: strict schemas, the rules of scripts/manifests/check.py, and
# the chart beside kustomize, whose objects have to be the same. Nothing runs.
# usage: scripts/manifests.sh
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"

need "the manifests" python3 go
"$root/scripts/tools/manifests.sh"
find_broker
make_work_dir
python=$tools/manifests/bin/python
chart=$root/deploy/helm
# The oldest Kubernetes that tells pods their index as a label, and a recent one.
versions=(1.28.0 1.37.0)

# render FOLDER >FILE
render() {
  if command -v kubectl >/dev/null; then kubectl kustomize "$1"; else kustomize build "$1"; fi
}

# check_file FILE: against the schemas, unknown fields included, and by our rules.
check_file() {
  local version
  "$python" - "$1" "$work/core.yaml" "$work/monitor.yaml" <<'SPLIT'
import sys, yaml
objects = [entry for entry in yaml.safe_load_all(open(sys.argv[1])) if entry]
monitors = [entry for entry in objects if entry["kind"] == "ServiceMonitor"]
yaml.safe_dump_all([entry for entry in objects if entry not in monitors], open(sys.argv[2], "w"))
yaml.safe_dump_all(monitors, open(sys.argv[3], "w"))
SPLIT
  for version in "${versions[@]}"; do
    quietly "$tools/manifests/bin/kubernetes-validate" --strict --no-warn -k "$version" "$work/core.yaml" || { echo "FAILED: $1, Kubernetes $version"; return 1; }
  done
  ! [[ -s $work/monitor.yaml ]] || manifest-schemas monitor <"$work/monitor.yaml"
  "$python" "$root/scripts/manifests/check.py" policy "$work/help" "$1"
}

"$KAFKAESQUE_BIN" --help >"$work/help"
cp -r "$root/deploy/kubernetes" "$work/kubernetes"
with_components='{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, resources: [../s3], components: [../../components/security, ../../components/monitoring]}'
mkdir "$work/kubernetes/overlays/secured"
echo "$with_components" >"$work/kubernetes/overlays/secured/kustomization.yaml"
echo '{security: true, monitoring: true}' >"$work/secured.yaml"
cp "$chart"/values/*.yaml "$work/"
echo '{}' >"$work/s3.yaml"

quietly helm lint --strict --kube-version "${versions[1]}" "$chart"
rendered=0
for overlay in "$work"/kubernetes/overlays/*/; do
  name=$(basename "$overlay")
  render "$overlay" >"$work/$name.kustomized"
  quietly helm lint --strict --kube-version "${versions[1]}" -f "$work/$name.yaml" "$chart"
  helm template kafkaesque "$chart" --kube-version "${versions[1]}" -f "$work/$name.yaml" >"$work/$name.helm"
  check_file "$work/$name.kustomized"
  check_file "$work/$name.helm"
  "$python" "$root/scripts/manifests/check.py" same "$work/$name.kustomized" "$work/$name.helm" || { echo "FAILED: the chart beside $name"; exit 1; }
  rendered=$((rendered + 1))
done
"$python" "$root/scripts/manifests/check.py" test "$work/help" "$work/secured.kustomized"
# Another release has names of its own everywhere.
helm template other "$chart" --kube-version "${versions[1]}" -f "$work/secured.yaml" >"$work/other.helm"
check_file "$work/other.helm"
! grep -v helm.sh/chart "$work/other.helm" | grep -E 'kafkaesque-(brokers|cluster|store|tls|users|[0-9])' || { echo "FAILED: names of another release"; exit 1; }
! helm template kafkaesque "$chart" --kube-version "${versions[1]}" --set replica=3 >/dev/null 2>&1 || { echo "FAILED: a value that there is not"; exit 1; }

manifest-schemas compose "$root/compose.yaml" >"$work/compose.resolved"
sed 's/restart:/restrat:/' "$root/compose.yaml" >"$work/compose.wrong"
! manifest-schemas compose "$work/compose.wrong" >/dev/null 2>&1 || { echo "FAILED: an unknown field of compose"; exit 1; }
! (sed 's/interval/intreval/' "$work/monitor.yaml" | manifest-schemas monitor 2>/dev/null) || { echo "FAILED: an unknown field of a monitor"; exit 1; }
echo "ok manifests: $rendered ways of Kubernetes, each by kustomize and Helm, and compose"
