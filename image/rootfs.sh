#!/usr/bin/env bash
# Lays out what the image holds: the program, the libraries that it names and nothing else, a user, a place to write.
# No shell, no package manager, no certificate store (the program brings the roots that it trusts).
# The place to write lies in FOLDER.home: a copy into an image belongs to root unless it is told otherwise, so that one
# is copied by itself, for user 65532.
#   rootfs.sh BINARY FOLDER
set -euo pipefail
binary=$1
root=$2
epoch=${SOURCE_DATE_EPOCH:-0}

install -D -m 0755 "$binary" "$root/usr/bin/dealflow"
# The loader and the libraries, at the paths by which they are asked for.
ldd "$binary" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | sort -u | while read -r library; do
  install -D -m 0755 "$(readlink -f "$library")" "$root$library"
done
# Names are looked up by the C library itself: DNS, then /etc/hosts.
mkdir -p "$root/etc" "$root/tmp" "$root.home/data"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'dealflow:x:65532:65532::/data:/usr/bin/dealflow' >"$root/etc/passwd"
echo 'dealflow:x:65532:' >"$root/etc/group"
chmod 1777 "$root/tmp"
# The same input gives the same bytes.
find "$root" "$root.home" -exec touch --no-dereference --date="@$epoch" {} +
