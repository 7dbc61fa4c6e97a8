"""Containers of a StatefulSet or of a compose file, run as an engine would: each in a network of its own, with a name that the
others and this machine find, out of the image's files, with exactly the variables, users and volumes that the file gives it,
and started again when it ends. Needs a network, mounts and an /etc/hosts that nobody else uses.

usage: cluster.py kubernetes STATE NAMESPACE FILE ZONE...   starts the pods of a rendered file, one in each zone by turns
       cluster.py compose STATE FILE [wait]                 starts the services of a resolved compose file
       cluster.py wait STATE                                until all are ready as their probes have it
       cluster.py kill STATE NAME                           ends one by SIGKILL, until `compose` is called again
       cluster.py replace STATE NAME                        ends one for another pod with its name, and another address
       cluster.py down STATE
STATE is a folder; STATE/secrets/NAME/KEY are the secrets. IMAGE_STORE has the images.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
NETWORK = "10.94.0"
PATIENCE_SECONDS = 60


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def new_files(image):
    """The files, user and variables of a new container."""
    files, user, *variables = run(os.path.join(HERE, "docker"), "extract", image).splitlines()
    return files, user, variables


class State:
    """What is kept between two calls: the containers, and the next address."""

    def __init__(self, folder):
        self.folder = folder
        self.file = os.path.join(folder, "state.json")
        self.containers, self.next_address = {}, 10
        if os.path.exists(self.file):
            with open(self.file) as file:
                self.containers, self.next_address = json.load(file)

    def save(self):
        os.makedirs(self.folder, exist_ok=True)
        with open(self.file, "w") as file:
            json.dump([self.containers, self.next_address], file)
        with open("/etc/hosts") as hosts:
            others = [line for line in hosts if not line.startswith(NETWORK)]
        up = [c for c in self.containers.values() if c.get("is_up")]
        # Services lead to what is ready, unless they say otherwise.
        names = [c["names"] + (c.get("names_when_ready", []) if c["is_ready"] else []) for c in up]
        lines = [f"{c['address']} {' '.join(those)}\n" for c, those in zip(up, names)]
        with open("/etc/hosts", "w") as hosts:
            hosts.writelines(others + lines)

    def address(self):
        self.next_address += 1
        return f"{NETWORK}.{self.next_address}"


def make_bridge():
    if subprocess.run(["ip", "link", "show", "engine0"], capture_output=True).returncode != 0:
        run("ip", "link", "add", "engine0", "type", "bridge")
        run("ip", "addr", "add", f"{NETWORK}.1/24", "dev", "engine0")
        run("ip", "link", "set", "engine0", "up")
    os.makedirs("/var/run/netns", exist_ok=True)
    if not os.path.ismount("/var/run/netns"):
        run("mount", "-t", "tmpfs", "none", "/var/run/netns")


def link(address):
    return f"e{address.rsplit('.', 1)[1]}"


def make_network(name, address):
    run("ip", "netns", "add", name)
    run("ip", "link", "add", link(address), "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "link", "set", link(address), "master", "engine0", "up")
    run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    run("ip", "-n", name, "link", "set", "eth0", "up")
    run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "-n", name, "route", "add", "default", "via", f"{NETWORK}.1")


def start(state, name):
    """The container's process, and one that starts it again."""
    container = state.containers[name]
    container["address"] = state.address()
    container["is_up"], container["is_ready"] = True, False
    state.save()
    make_network(name, container["address"])
    supervisor = 'hostname "$1"; shift; while true; do "$@" || true; sleep 1; done'
    with open(os.path.join(state.folder, f"{name}.log"), "ab") as log:
        command = ["ip", "netns", "exec", name, "unshare", "--uts", "bash", "-c", supervisor, "supervisor", name]
        process = subprocess.Popen(
            command + container["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    container["supervisor"] = process.pid
    for published, port in container["published"]:
        forward = [sys.executable, os.path.join(HERE, "forward.py"), published, container["address"], port]
        process = subprocess.Popen(forward, stdin=subprocess.DEVNULL, start_new_session=True)
        container.setdefault("forwarders", []).append(process.pid)
    state.save()


def pids(name):
    """Every process in the container, but the one that starts it again."""
    return [int(pid) for pid in run("ip", "netns", "pids", name).split()]


def end(state, name):
    container = state.containers[name]
    for pid in [container["supervisor"], *container.get("forwarders", [])]:
        send(pid)
    container["forwarders"] = []
    for pid in pids(name):
        send(pid)
    # The network lives on as long as connections that end in it, so its link goes first.
    run("ip", "link", "del", link(container["address"]))
    run("ip", "netns", "del", name)
    container["address"] = None
    container["is_up"] = False
    state.save()


def send(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def contained(image, command, user, groups, read_only, variables, volumes):
    """The command line of one container. Entries of the image come first, the file's override them."""
    files, image_user, image_variables = new_files(image)
    line = [os.path.join(HERE, "contain"), "--user", user or image_user]
    line += ["--groups", groups] if groups else []
    line += ["--read-only"] if read_only else []
    for variable in image_variables + [f"{name}={value}" for name, value in variables.items()]:
        line += ["--env", variable]
    for volume in volumes:
        line += ["--volume", volume]
    return line + [files] + command


# Kubernetes


def field(path, pod):
    label = re.fullmatch(r"metadata\.labels\['(.+)'\]", path)
    if label:
        return pod["labels"].get(label[1], "")
    return {"metadata.name": pod["name"], "metadata.namespace": pod["namespace"]}[path]


def variables_of(container, pod, secrets):
    """As the kubelet makes them: those of secrets first, references to earlier ones resolved."""
    variables = {}
    for source in container.get("envFrom", []):
        folder = os.path.join(secrets, source["secretRef"]["name"])
        if not os.path.isdir(folder) and source["secretRef"].get("optional"):
            continue
        for key in sorted(os.listdir(folder)):
            with open(os.path.join(folder, key)) as file:
                variables[key] = file.read()
    for entry in container.get("env", []):
        if "valueFrom" in entry:
            value = field(entry["valueFrom"]["fieldRef"]["fieldPath"], pod)
        else:
            known = dict(variables)
            value = re.sub(r"\$\((\w+)\)", lambda match: known.get(match[1], match[0]), entry.get("value", ""))
        variables[entry["name"]] = value
    return variables


def volumes_of(spec, container, pod, state):
    """Secrets are root's, and the group of the volumes may read them."""
    group = spec["securityContext"]["fsGroup"]
    sources = {}
    for volume in spec.get("volumes", []):
        secret = volume["secret"]
        folder = os.path.join(state.folder, "volumes", pod["name"], volume["name"])
        shutil.copytree(os.path.join(state.folder, "secrets", secret["secretName"]), folder, dirs_exist_ok=True)
        for key in os.listdir(folder):
            os.chown(os.path.join(folder, key), 0, group)
            os.chmod(os.path.join(folder, key), secret["defaultMode"])
        sources[volume["name"]] = folder
    for claim in pod["claims"]:
        folder = os.path.join(state.folder, "claims", f"{claim}-{pod['name']}")
        os.makedirs(folder, exist_ok=True)
        os.chown(folder, 0, group)
        os.chmod(folder, 0o2775)
        sources[claim] = folder
    end = {True: ":ro", False: ""}
    return [
        f"{sources[mount['name']]}:{mount['mountPath']}{end[mount.get('readOnly', False)]}"
        for mount in container["volumeMounts"]
    ]


def kubernetes(state, namespace, file, zones):
    with open(file) as rendered:
        objects = [entry for entry in yaml.safe_load_all(rendered) if entry]
    brokers = next(entry for entry in objects if entry["kind"] == "StatefulSet")
    services = {entry["metadata"]["name"]: entry["spec"] for entry in objects if entry["kind"] == "Service"}
    at_once = [name for name, service in services.items() if service.get("publishNotReadyAddresses")]
    later = [name for name in services if name not in at_once]
    headless = brokers["spec"]["serviceName"]
    spec = brokers["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    domains = ["", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local"]
    make_bridge()
    for index in range(brokers["spec"]["replicas"]):
        name = f"{brokers['metadata']['name']}-{index}"
        labels = {"apps.kubernetes.io/pod-index": str(index), "topology.kubernetes.io/zone": zones[index % len(zones)]}
        claims = [claim["metadata"]["name"] for claim in brokers["spec"].get("volumeClaimTemplates", [])]
        pod = {"name": name, "namespace": namespace, "labels": labels, "claims": claims}
        user = spec["securityContext"]
        command = contained(
            container["image"],
            container.get("command", ["entrypoint"]),
            f"{user['runAsUser']}:{user['runAsGroup']}",
            str(user["fsGroup"]),
            container["securityContext"]["readOnlyRootFilesystem"],
            variables_of(container, pod, os.path.join(state.folder, "secrets")),
            volumes_of(spec, container, pod, state),
        )
        own = [f"{name}.{headless}{domain}" for domain in domains]
        early = [f"{service}{domain}" for service in at_once for domain in domains]
        late = [f"{service}{domain}" for service in later for domain in domains]
        names = own + early if headless in at_once else []
        late += [] if headless in at_once else own
        get = container["readinessProbe"]["httpGet"]
        live = container["livenessProbe"]["httpGet"]
        urls = [f":{ports[probe['port']]}{probe['path']}" for probe in (live, get)]
        state.containers[name] = {"names": names, "names_when_ready": late, "command": command, "published": []}
        state.containers[name]["urls"] = urls
    for name in state.containers:
        start(state, name)


# Compose


def compose(state, file):
    with open(file) as resolved:
        project = yaml.safe_load(resolved)
    make_bridge()
    for name, service in project["services"].items():
        if name in state.containers:
            if not state.containers[name]["is_up"]:
                start(state, name)
            continue
        published = [(str(port["published"]), str(port["target"])) for port in service.get("ports", [])]
        variables = service["environment"]
        if service["image"].startswith("kafkaesque:"):
            command = contained(
                service["image"], ["entrypoint"], None, None, service.get("read_only", False), variables, []
            )
            health = service["healthcheck"]["test"]
        else:
            # The same program, of this machine; its folder is the container's.
            folder = os.path.join(state.folder, "volumes", name)
            os.makedirs(folder, exist_ok=True)
            command = ["env"] + [f"{key}={value}" for key, value in variables.items()]
            command += [part.replace("/data", folder) for part in service["entrypoint"]]
            health = None
        state.containers[name] = {"names": [name], "command": command, "published": published, "health": health}
        start(state, name)


def is_ready(name, container):
    if container.get("urls"):
        try:
            for url in container["urls"]:
                urllib.request.urlopen(f"http://{container['address']}{url}", timeout=2).read()
            return True
        except (OSError, urllib.error.URLError):
            return False
    if container.get("health"):
        line = container["command"]
        entry = line.index("entrypoint")
        line = ["ip", "netns", "exec", name, *line[:entry], *container["health"][1:]]
        return subprocess.run(line, capture_output=True).returncode == 0
    return True


def wait(state):
    deadline = time.monotonic() + PATIENCE_SECONDS
    for name, container in state.containers.items():
        while container["is_up"] and not is_ready(name, container):
            if time.monotonic() > deadline:
                subprocess.run(["tail", "-n", "20", os.path.join(state.folder, f"{name}.log")], check=False)
                sys.exit(f"{name} does not get ready")
            time.sleep(0.2)
        container["is_ready"] = container["is_up"]
    state.save()


def replace(state, name):
    end(state, name)
    start(state, name)


def down(state):
    for name in state.containers:
        if state.containers[name]["is_up"]:
            end(state, name)
    state.containers = {}
    state.save()
    os.remove(state.file)


def main():
    command, folder, *rest = sys.argv[1:]
    state = State(folder)
    if command == "kubernetes":
        kubernetes(state, rest[0], rest[1], rest[2:])
    elif command == "compose":
        compose(state, rest[0])
        if rest[1:] == ["wait"]:
            wait(state)
    elif command == "wait":
        wait(state)
    elif command == "kill":
        end(state, rest[0])
    elif command == "replace":
        replace(state, rest[0])
    elif command == "down":
        down(state)
    else:
        sys.exit(__doc__)


main()
