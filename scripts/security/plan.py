"""Writes the cases that every client goes through: how it is to connect, and whether it must be refused.

usage: plan.py FOLDER HOST ADDRESSES   (ADDRESSES as JSON: listener -> port)
"""

import json
import pathlib
import sys

folder, host, addresses = pathlib.Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
tokens = json.loads((folder / "tokens.json").read_text())
PASSWORDS = {"alice": "al:ice=,secret", "bob": "bob-secret"}
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


def path(name):
    return str(folder / name)


def case(name, listener, protocol, mechanism=None, refused=False, **changes):
    settings = {
        "name": name,
        "address": f"{host}:{addresses[listener]}",
        "protocol": protocol,
        "mechanism": mechanism,
        "refused": refused,
        "ca": path("ca.pem") if protocol.endswith("SSL") else None,
    }
    if mechanism == "OAUTHBEARER":
        settings["token"] = tokens["good"]
    elif mechanism:
        settings |= {"user": "alice", "password": PASSWORDS["alice"]}
    return settings | changes


def with_certificate(name):
    return {"certificate": path(f"{name}.pem"), "key": path(f"{name}.key"), "both": path(f"{name}.both")}


cases = [
    case("SSL", "TLS", "SSL"),
    case("SSL, client certificate", "MUTUAL", "SSL", **with_certificate("client")),
]
for protocol, listener in (("SASL_PLAINTEXT", "SASL"), ("SASL_SSL", "BOTH")):
    cases += [case(f"{protocol} {mechanism}", listener, protocol, mechanism) for mechanism in MECHANISMS]
cases.append(
    case(
        "SASL_SSL OAUTHBEARER, token endpoint", "BOTH", "SASL_SSL", "OAUTHBEARER",
        token=None, endpoint=f"http://localhost:{addresses['endpoint']}/token", client="alice", secret="client-secret",
    )
)  # fmt: skip

for mechanism in MECHANISMS[:3]:
    cases += [
        case(f"{mechanism}, wrong password", "SASL", "SASL_PLAINTEXT", mechanism, True, password="wrong"),
        case(f"{mechanism}, unknown user", "SASL", "SASL_PLAINTEXT", mechanism, True, user="eve"),
    ]
cases.append(case("mechanism that is off", "PLAIN", "SASL_PLAINTEXT", "SCRAM-SHA-256", True))
for kind, words in {
    "expired": "expired", "foreign": "signed by another", "issuer": "of another issuer",
    "audience": "for another audience", "none": "without signature", "hs256": "signed with the public key",
}.items():  # fmt: skip
    cases.append(case(f"token {words}", "SASL", "SASL_PLAINTEXT", "OAUTHBEARER", True, token=tokens[kind]))
cases += [
    case("broker of an unknown authority", "TLS", "SSL", refused=True, ca=path("other-ca.pem")),
    case("no client certificate", "MUTUAL", "SSL", refused=True),
    case("client certificate expired", "MUTUAL", "SSL", refused=True, **with_certificate("expired")),
    case("client certificate of an unknown authority", "MUTUAL", "SSL", refused=True, **with_certificate("foreign")),
]
(folder / "cases.json").write_text(json.dumps(cases, indent=1))
