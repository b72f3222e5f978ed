#!/usr/bin/env bash
# Looks at an image: who runs what, which files there are, how large it is; and runs the program on those files alone.
#   check.sh ARCHIVE
# Asks for: python3; chroot, as root, for the run (said where it is not done).
set -euo pipefail
archive=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
python3 - "$archive" "$out/root" <<'CHECK'
import json, os, sys, tarfile
archive, root = sys.argv[1:]
with tarfile.open(archive) as tar:
    blob = lambda digest: tar.extractfile("blobs/" + digest.replace(":", "/"))
    index = json.load(tar.extractfile("index.json"))
    manifest = json.load(blob(index["manifests"][0]["digest"]))
    config = json.load(blob(manifest["config"]["digest"]))["config"]
    files = {}
    for layer in manifest["layers"]:
        with tarfile.open(fileobj=blob(layer["digest"])) as content:
            for it in content:
                files[it.name.strip("./")] = it
            content.extractall(root, filter="fully_trusted")
size = sum(it.size for it in files.values())
packed = sum(layer["size"] for layer in manifest["layers"])
faults = []
if config.get("User") != "65532:65532":
    faults.append(f"runs as {config.get('User')}")
if config.get("Entrypoint") != ["/usr/bin/dealflow"]:
    faults.append(f"starts {config.get('Entrypoint')}")
if any("URL" in it or "TOKEN" in it or "PASSWORD" in it for it in config.get("Env", [])):
    faults.append("holds a secret in its environment")
programs = [name for name, it in files.items() if it.isfile() and it.mode & 0o111 and not name.split("/")[-1].split(".so")[0] != name.split("/")[-1]]
if programs != ["usr/bin/dealflow"]:
    faults.append(f"programs: {programs}")
faults += [f"{name} is setuid" for name, it in files.items() if it.mode & 0o6000]
faults += [f"{name} may be written by all" for name, it in files.items() if it.isfile() and it.mode & 0o002]
print("\n".join(faults))
for name, it in sorted(files.items()):
    if it.isfile():
        print(f"{it.size:>12}  {name}")
print(f"image: {len([it for it in files.values() if it.isfile()])} files, {size / 1e6:.1f} MB, {packed / 1e6:.1f} MB packed, {len(faults)} faults")
sys.exit(1 if faults else 0)
CHECK
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$out/root/proc" && chmod 0755 "$out/root"
  chroot --userspec 65532:65532 "$out/root" /usr/bin/dealflow --version
  chroot --userspec 65532:65532 "$out/root" /usr/bin/dealflow demo --data /data/demo | tail -n 2
else
  echo 'not run: the program on the image alone (that takes root)'
fi
