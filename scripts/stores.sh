# Object stores to test with; source it after lib.sh and make_work_dir.
# Each function starts a server of its own and exports what the broker needs to store in it.

# The keys of every S3 server here; s3rver knows no other pair.
access_key=S3RVER secret_key=S3RVER

# s3_store NAME PORT COMMAND...: starts an S3 server and makes a bucket in it.
s3_store() {
  local name=$1 port=$2
  shift 2
  start "$work/$name.log" "$@"
  wait_for_port "$port" "$started" || { tail "$work/$name.log"; return 1; }
  export OBJECT_STORE_TYPE=s3 S3_BUCKET=kafkaesque AWS_REGION=us-east-1 AWS_ENDPOINT=http://127.0.0.1:$port ALLOW_HTTP_S3=true \
    AWS_ACCESS_KEY_ID=$access_key AWS_SECRET_ACCESS_KEY=$secret_key DATA_PATH=e2e
  make_bucket
}

make_bucket() {
  curl -sSf --retry 5 --retry-all-errors --aws-sigv4 "aws:amz:${AWS_REGION:-us-east-1}:s3" -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X PUT "$AWS_ENDPOINT/$S3_BUCKET" >/dev/null
}

use_local() {
  export OBJECT_STORE_TYPE=local DATA_PATH=$work/data
}

use_versitygw() {
  local port
  port=$(free_port)
  "$root/scripts/tools/go.sh"
  mkdir -p "$work/versitygw"
  ROOT_ACCESS_KEY=$access_key ROOT_SECRET_KEY=$secret_key \
    s3_store versitygw "$port" versitygw --port "127.0.0.1:$port" --quiet posix "$work/versitygw"
}

use_gofakes3() {
  local port
  port=$(free_port)
  "$root/scripts/tools/go.sh"
  s3_store gofakes3 "$port" gofakes3 -host "127.0.0.1:$port" -backend memory
}

# s3rver takes a create of what exists as a plain PUT.
use_s3rver() {
  local port
  port=$(free_port)
  "$root/scripts/tools/node.sh"
  mkdir -p "$work/s3rver"
  s3_store s3rver "$port" "$tools/node/node_modules/.bin/s3rver" -d "$work/s3rver" -a 127.0.0.1 -p "$port" \
    --no-vhost-buckets
}

# S3Proxy looks before it writes: racing creates have several winners.
use_s3proxy() {
  local port
  port=$(free_port)
  "$root/scripts/tools/s3proxy.sh"
  mkdir -p "$work/s3proxy"
  cat >"$work/s3proxy.conf" <<END
s3proxy.endpoint=http://127.0.0.1:$port
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity=$access_key
s3proxy.credential=$secret_key
jclouds.provider=filesystem
jclouds.filesystem.basedir=$work/s3proxy
END
  echo '<configuration><root level="WARN"/></configuration>' >"$work/logback.xml"
  s3_store s3proxy "$port" java "-Dlogback.configurationFile=$work/logback.xml" -cp "$tools/s3proxy/libs/*" org.gaul.s3proxy.Main --properties "$work/s3proxy.conf"
}

use_azurite() {
  local port key
  port=$(free_port)
  key=$(printf 'a key for tests' | base64)
  "$root/scripts/tools/node.sh"
  AZURITE_ACCOUNTS=kafkaesque:$key start "$work/azurite.log" "$tools/node/node_modules/.bin/azurite-blob" --inMemoryPersistence \
    --blobHost 127.0.0.1 --blobPort "$port" --skipApiVersionCheck --silent --disableTelemetry
  wait_for_port "$port" "$started" || { tail "$work/azurite.log"; return 1; }
  export OBJECT_STORE_TYPE=azure AZURE_CONTAINER=e2e AZURE_STORAGE_ACCOUNT=kafkaesque AZURE_STORAGE_ACCESS_KEY=$key \
    AZURE_ENDPOINT=http://127.0.0.1:$port/kafkaesque AZURE_ALLOW_HTTP=true DATA_PATH=e2e
  make_container
}

# Azure's shared-key signature of one request: its method, ten empty headers, the x-ms headers and the resource.
make_container() {
  local date key signature
  date=$(date -u '+%a, %d %b %Y %H:%M:%S GMT')
  key=$(base64 -d <<<"$AZURE_STORAGE_ACCESS_KEY" | od -An -tx1 | tr -d ' \n')
  signature=$(printf 'PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:%s\nx-ms-version:2021-08-06\n/%s/%s/%s\nrestype:container' \
    "$date" "$AZURE_STORAGE_ACCOUNT" "$AZURE_STORAGE_ACCOUNT" "$AZURE_CONTAINER" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
  curl -sSf --retry 5 --retry-all-errors -X PUT -H "x-ms-date: $date" -H 'x-ms-version: 2021-08-06' -H 'Content-Length: 0' \
    -H "Authorization: SharedKey $AZURE_STORAGE_ACCOUNT:$signature" "$AZURE_ENDPOINT/$AZURE_CONTAINER?restype=container" >/dev/null
}
