#!/usr/bin/env bash
# An authority and a certificate of this machine's own address, for clients over TLS: ca.pem, cert.pem and key.pem in DIR.
#
#   tests/clients/certificate.sh DIR
set -euo pipefail
cd "$1"
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
openssl req -x509 "${key[@]}" -keyout ca.key -out ca.pem -days 2 -subj '/CN=House of clients' 2>/dev/null
openssl req "${key[@]}" -keyout key.pem -out request.pem -subj '/CN=127.0.0.1' 2>/dev/null
printf 'subjectAltName=IP:127.0.0.1\n' >names
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 2 -extfile names -out cert.pem 2>/dev/null
