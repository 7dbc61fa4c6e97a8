#!/usr/bin/env bash
# Makes an authority, and certificates of it and of another.
# usage: scripts/security/certificates.sh FOLDER
set -euo pipefail
cd "$1"

# authority NAME
authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -x509 -new -key "$1.key" -days 30 -subj "/CN=$1" -out "$1.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# certificate NAME AUTHORITY SUBJECT PURPOSE DAYS: the key as PKCS#8, which all clients read; NAME.both holds both.
certificate() {
  local name=$1 authority=$2 subject=$3 purpose=$4 days=$5
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$name.key"
  openssl req -new -key "$name.key" -subj "$subject" -out "$name.request"
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=%s\n' "$purpose" >"$name.extensions"
  openssl x509 -req -in "$name.request" -CA "$authority.pem" -CAkey "$authority.key" -set_serial "0x$(openssl rand -hex 8)" \
    -days "$days" -extfile "$name.extensions" -out "$name.pem" 2>/dev/null
  cat "$name.key" "$name.pem" >"$name.both"
}

authority ca
authority other-ca
certificate broker ca "/O=Example/CN=localhost" serverAuth 30
certificate client ca "/O=Example, Inc./OU=clients/CN=carol" clientAuth 30
certificate expired ca "/O=Example, Inc./OU=clients/CN=carol" clientAuth -1
certificate foreign other-ca "/O=Example, Inc./OU=clients/CN=carol" clientAuth 30
