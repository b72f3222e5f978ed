#!/usr/bin/env bash
# Builds the image without a Docker engine: buildah, from scratch, with a binary that is built here (profile `dist`) or
# given. The Dockerfile makes the same image inside a builder's image.
#   build.sh [NAME]              the image as an OCI archive, image/out/dealflow.tar, with its bill of materials
#   DEALFLOW=PATH build.sh       with a binary that is there
# Asks for: cargo, buildah, python3.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-dealflow:$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export DEALFLOW_COMMIT=${DEALFLOW_COMMIT:-$(git rev-parse --short=12 HEAD)}
out=image/out
rm -rf "$out" && mkdir -p "$out/root"

binary=${DEALFLOW:-}
if [ -z "$binary" ]; then
  # No path of the building machine in the binary, so that another one gives the same bytes.
  RUSTFLAGS="--remap-path-prefix=$PWD=/dealflow --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
    cargo build --locked --profile dist -p dealflow
  binary=target/dist/dealflow
fi
image/rootfs.sh "$binary" "$out/root"
python3 image/sbom.py >"$out/dealflow.cdx.json"

export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
container=$(buildah from scratch)
trap 'buildah rm "$container" >/dev/null' EXIT
buildah copy --quiet "$container" "$out/root" / >/dev/null
buildah copy --quiet --chown 65532:65532 "$container" "$out/root.home" / >/dev/null
buildah config --user 65532:65532 --entrypoint '["/usr/bin/dealflow"]' --cmd 'serve' --workingdir /data \
  --env DEALFLOW_DATA=/data --env DEALFLOW_LISTEN=0.0.0.0:7400 --port 7400 --port 7410 --volume /data \
  --label org.opencontainers.image.title=dealflow --label org.opencontainers.image.licenses=Apache-2.0 \
  --label "org.opencontainers.image.revision=$DEALFLOW_COMMIT" "$container"
buildah commit --quiet --timestamp "$SOURCE_DATE_EPOCH" --format oci "$container" "oci-archive:$PWD/$out/dealflow.tar:$name" >/dev/null
image/check.sh "$out/dealflow.tar"
