"""What schemas cannot see in rendered manifests. Prints every complaint, and fails if there is one.

usage: check.py policy HELP FILE...    pods of the restricted profile, selectors that find them, settings that there are; HELP is
                                       what `kafkaesque --help` says
       check.py same FILE FILE         the same objects, but for what Helm says of itself
       check.py test HELP FILE         each rule of `policy` complains of a file that breaks it
"""

import copy
import json
import re
import sys

import yaml

BY_HELM = ("app.kubernetes.io/managed-by", "helm.sh/chart")
# Variables of the pod, out of which others are made.
OF_THE_POD = ("POD_NAME", "POD_NAMESPACE")


def load(path):
    with open(path) as file:
        return [entry for entry in yaml.safe_load_all(file) if entry]


def one(objects, kind, name=None):
    (found,) = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    return found


def selects(selector, labels):
    labels_wanted = selector.get("matchLabels", selector)
    return bool(labels_wanted) and all(labels.get(name) == value for name, value in labels_wanted.items())


def restricted(pod, container):
    """The restricted profile of the pod security standards, and a root file system that is read only."""
    own, of_pod = container["securityContext"], pod["securityContext"]
    yield of_pod.get("runAsNonRoot") is True and of_pod.get("runAsUser", 0) > 0, "runs as root"
    yield of_pod.get("seccompProfile") == {"type": "RuntimeDefault"}, "no seccomp profile"
    yield own.get("allowPrivilegeEscalation") is False, "privileges may grow"
    yield own.get("capabilities") == {"drop": ["ALL"]}, "capabilities are left"
    yield own.get("readOnlyRootFilesystem") is True, "the root file system can be written to"
    yield not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), "shares the host's namespaces"
    yield all(volume.keys() & {"secret"} for volume in pod.get("volumes", [])), "a volume that is no secret"
    yield pod["automountServiceAccountToken"] is False, "has a token of the cluster"


def found(objects, brokers):
    """Whatever selects pods finds the brokers; the port of brokers is for them alone."""
    labels = brokers["spec"]["template"]["metadata"]["labels"]
    pod = brokers["spec"]["template"]["spec"]
    yield selects(brokers["spec"]["selector"], labels), "the StatefulSet does not select its pods"
    for service in (o for o in objects if o["kind"] == "Service"):
        yield selects(service["spec"]["selector"], labels), f"{service['metadata']['name']} selects no broker"
    budget = one(objects, "PodDisruptionBudget")["spec"]
    yield selects(budget["selector"], labels) and budget["maxUnavailable"] == 1, "the disruption budget"
    policy = one(objects, "NetworkPolicy")["spec"]
    yield selects(policy["podSelector"], labels), "the network policy selects no broker"
    for rule in policy["ingress"]:
        ports = {port["port"] for port in rule["ports"]}
        senders = rule.get("from", [])
        guarded = senders and all(selects(sender.get("podSelector", {}), labels) for sender in senders)
        yield "raft" not in ports or guarded, "everybody reaches the port of brokers"
    for term in pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]:
        yield selects(term["labelSelector"], labels), "the anti-affinity means nobody"
    for spread in pod["topologySpreadConstraints"]:
        yield selects(spread["labelSelector"], labels), "the spread means nobody"
    for monitor in (o for o in objects if o["kind"] == "ServiceMonitor"):
        services = [o for o in objects if o["kind"] == "Service"]
        chosen = [s for s in services if selects(monitor["spec"]["selector"], s["metadata"]["labels"])]
        ports = {port["name"] for service in chosen for port in service["spec"]["ports"]}
        yield all(end["port"] in ports for end in monitor["spec"]["endpoints"]), "the monitor finds no port"
        yield len(chosen) == 1, f"the monitor selects {len(chosen)} services"


def addressed(objects, brokers):
    """Brokers have the names by which they call each other, before they are ready."""
    spec = brokers["spec"]
    headless = one(objects, "Service", spec["serviceName"])["spec"]
    yield headless["clusterIP"] == "None" and headless["publishNotReadyAddresses"] is True, "names come too late"
    yield spec["podManagementPolicy"] == "Parallel", "brokers start one after the other"
    (container,) = spec["template"]["spec"]["containers"]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    if variables.get("RAFT_PEERS"):
        peers = [
            f"{n}={brokers['metadata']['name']}-{n}.{spec['serviceName']}:{ports['raft']}"
            for n in range(len(variables["RAFT_PEERS"].split(",")))
        ]
        yield variables["RAFT_PEERS"] == ",".join(peers), "RAFT_PEERS are not the pods"
        yield spec["replicas"] >= len(peers) >= 3, "too few brokers"
    yield variables["RAFT_LISTEN_ADDR"].endswith(f":{ports['raft']}"), "another port for brokers"
    host = f"$(POD_NAME).{spec['serviceName']}.$(POD_NAMESPACE).svc"
    yield variables["ADVERTISED_HOST"] == host, "clients are told another name"
    for service in (o for o in objects if o["kind"] == "Service"):
        for port in service["spec"]["ports"]:
            yield ports.get(port["targetPort"]) == port["port"], f"port {port['name']} leads nowhere"


def set_up(brokers, settings):
    """Settings exist, are given once, and fit the pod."""
    pod = brokers["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    names = [entry["name"] for entry in container["env"]]
    for name in names:
        yield name in settings or name in OF_THE_POD, f"{name} is no setting"
    yield len(set(names)) == len(names), "a variable twice"
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    stop = int(variables["SHUTDOWN_TIMEOUT_MS"]) / 1000
    yield pod["terminationGracePeriodSeconds"] >= stop + 10, "killed while it stops"
    yield pod["enableServiceLinks"] is False, "variables of services"
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    files = [value for name, value in variables.items() if name.endswith(("_FILE", "_PATH")) and value]
    for file in files:
        yield any(f"{file}/".startswith(f"{mount}/") for mount in mounts), f"{file} is not mounted"
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    yield probes == {"startup": "/live", "liveness": "/live", "readiness": "/ready"}, f"probes: {probes}"
    volumes = [volume["name"] for volume in pod.get("volumes", [])]
    claims = [claim["metadata"]["name"] for claim in brokers["spec"].get("volumeClaimTemplates", [])]
    mounted = [mount["name"] for mount in container["volumeMounts"]]
    yield sorted(mounted) == sorted(volumes + claims), f"volumes {volumes}, mounts {mounted}"


def complaints(objects, settings):
    brokers = one(objects, "StatefulSet")
    pod = brokers["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    rules = [*restricted(pod, container), *found(objects, brokers)]
    rules += [*addressed(objects, brokers), *set_up(brokers, settings)]
    return [complaint for holds, complaint in rules if not holds]


def known_settings(path):
    with open(path) as file:
        return set(re.findall(r"[A-Z][A-Z0-9_]{3,}", file.read())) | {"RACK", "HOST", "PORT"}


def comparable(objects):
    """By kind and name, without what Helm says of itself, lists of variables in any order."""
    result = {}
    for entry in copy.deepcopy(objects):
        for name in BY_HELM:
            entry["metadata"].get("labels", {}).pop(name, None)
        if entry["kind"] == "StatefulSet":
            pod = entry["spec"]["template"]["spec"]
            pod["volumes"] = sorted(pod.get("volumes") or [], key=lambda volume: volume["name"])
            for container in pod["containers"]:
                container["env"].sort(key=lambda variable: variable["name"])
                container["volumeMounts"].sort(key=lambda mount: mount["name"])
        result[f"{entry['kind']} {entry['metadata']['name']}"] = entry
    return result


def differences(one_side, other):
    for name in sorted(one_side.keys() | other.keys()):
        if one_side.get(name) != other.get(name):
            sides = [json.dumps(side.get(name), indent=1, sort_keys=True).splitlines() for side in (one_side, other)]
            changed = sorted(set(sides[0]) ^ set(sides[1]))
            yield f"{name}: {' | '.join(line.strip() for line in changed)}"


BREAKAGES = [
    ("StatefulSet", "spec.template.spec.securityContext.runAsUser", 0),
    ("StatefulSet", "spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem", False),
    ("StatefulSet", "spec.template.spec.containers.0.securityContext.capabilities", {}),
    ("StatefulSet", "spec.template.spec.securityContext.seccompProfile", None),
    ("StatefulSet", "spec.template.spec.topologySpreadConstraints.0.labelSelector", {}),
    ("StatefulSet", "spec.template.spec.terminationGracePeriodSeconds", 30),
    ("StatefulSet", "spec.template.spec.containers.0.livenessProbe.httpGet.path", "/ready"),
    ("StatefulSet", "spec.template.spec.containers.0.volumeMounts", []),
    ("StatefulSet", "spec.template.spec.containers.0.env.0.name", "S3_BUKET"),
    ("StatefulSet", "spec.podManagementPolicy", "OrderedReady"),
    ("StatefulSet", "metadata.name", "other"),
    ("StatefulSet", "spec.replicas", 1),
    ("NetworkPolicy", "spec.podSelector", {}),
    ("NetworkPolicy", "spec.ingress.1.from", []),
    ("PodDisruptionBudget", "spec.selector", {}),
    ("PodDisruptionBudget", "spec.maxUnavailable", 2),
    ("Service", "spec.ports.0.targetPort", "kafak"),
    ("Service", "spec.selector", {"app": "other"}),
    ("ServiceMonitor", "spec.endpoints.0.port", "metrics"),
]


def broken(objects, kind, path, value):
    objects = copy.deepcopy(objects)
    place = next(o for o in objects if o["kind"] == kind)
    *way, last = path.split(".")
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return objects


def main(command, *arguments):
    if command == "same":
        sides = [comparable(load(path)) for path in arguments]
        found_differences = list(differences(*sides))
    elif command == "policy":
        settings = known_settings(arguments[0])
        found_differences = [f"{path}: {c}" for path in arguments[1:] for c in complaints(load(path), settings)]
    else:
        settings, objects = known_settings(arguments[0]), load(arguments[1])
        found_differences = complaints(objects, settings)
        for breakage in BREAKAGES:
            if not complaints(broken(objects, *breakage), settings):
                found_differences.append(f"nobody complains of {breakage}")
    for line in found_differences:
        print(line)
    sys.exit(1 if found_differences else 0)


main(*sys.argv[1:])
