#!/usr/bin/env bash
# Makes certificates with subjects of every kind, and asks Apache Kafka's own classes for their names: the golden file of
# src/auth, which a newer Kafka or Java may change.
# usage: scripts/security/names/make.sh >src/auth/golden/names.json
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

"$root/scripts/tools/kafka-tools.sh" >&2
need "names of certificates" openssl java
here=$root/scripts/security/names
make_work_dir
openssl ecparam -name prime256v1 -genkey -noout -out "$work/key"
openssl req -x509 -new -key "$work/key" -days 36500 -subj /CN=ca -out "$work/ca"
# A certificate without a subject must have another name.
echo "subjectAltName=critical,DNS:x" >"$work/extensions"

# made NAME SUBJECT [STRING_MASK]: one certificate. The mask is openssl's for kinds of text.
count=0
made() {
  count=$((count + 1))
  printf 'oid_section=numbers\n[req]\ndistinguished_name=name\nstring_mask=%s\n[name]\n[numbers]\none=1.2.3.4.5\nother=1.3.6.1.4.1.99999.1234567.1\n' "${3:-utf8only}" >"$work/config"
  openssl req -new -utf8 -config "$work/config" -key "$work/key" -subj "$2" -out "$work/request"
  openssl x509 -req -in "$work/request" -CA "$work/ca" -CAkey "$work/key" -set_serial 1 -days 36500 \
    -extfile "$work/extensions" -outform DER -out "$work/$(printf %02d "$count")-$1.der" 2>"$work/said" || { cat "$work/said" >&2; return 1; }
}

# edited SED: changes bytes of the last one, which openssl would not write. Nobody looks at its signature.
edited() {
  sed -i "$1" "$work/$(printf %02d "$count")"-*.der
}

made plain "/C=DE/ST=Berlin/L=Berlin/O=Example/OU=ServiceUsers/CN=alice"
made turned "/CN=bob/OU=ServiceUsers/O=Example"
made host "/CN=kafka-1.example.com"
made two-values "/O=Example/CN=carol+UID=carol1"
made three-values "/C=US/O=b+OU=a+CN=c/CN=last"
made comma "/O=Example, Inc./CN=Doe, John"
made plus "/CN=a\\+b/O=c"
made escapes "/CN=q\"uo\\\\te<x>;y=z#w\\/v"
made hash "/CN=#abc/O=d#"
made blanks "/CN=  two  words  /O= x"
made only-blanks "/CN=   /O=y"
made umlauts "/O=München/CN=Jürgen Größe"
made crab "/CN=crab (a.b) 🦀/O=sea"
made bmp "/CN=bmp ü/O=wide" MASK:0x800
made universal "/CN=uni/O=wider" MASK:0x100
made t61 "/CN=Jürgen/O=latin" MASK:0x4
made printable "/O=plain text/CN=printable" MASK:0x2
made mail "/DC=com/DC=example/CN=svc/emailAddress=svc@example.com"
made serial "/CN=x/serialNumber=1234"
made unknown "/CN=y/one=value/O=z"
made long-number "/other=first/CN=inner/2.5.4.97=VATDE-1"
made person "/C=GB/CN=ada/title=Countess/GN=Ada/SN=Lovelace/initials=AL/dnQualifier=q"
made street "/C=FR/postalCode=75001/street=1, rue de la Paix/CN=rue"
made user-id "/UID=u_123"
made nothing "/"
made control $'/CN=line\nbreak\ttab/O=x'
made carriage $'/CN=end\r/O=y'
made nul "/CN=a@@b/O=nul"
edited 's/a@@b/a\x00@b/'
made number "/CN=12345/O=numeric"
edited 's/\x0c\x0512345/\x12\x0512345/'
made many "/DC=org/DC=example/OU=1/OU=2/OU=3/OU=4/OU=5/OU=6/OU=7/OU=8/OU=9/OU=10/CN=first/CN=second"
made malformed "/CN=bad@@utf8/O=x"
edited 's/bad@@utf8/bad\xff\xc3utf8/'

java -cp "$tools/kafka-tools/libs/*" "$here/Names.java" "$work" "$here/rules"
