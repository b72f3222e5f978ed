#!/usr/bin/env bash
# Validates generated UBL files with the official rules: UBL's XSD, CEN's EN 16931 and OpenPeppol's BIS Billing 3.0 and
# Order (R-INV-3). They come as Maven artefacts and run in Saxon from PyPI, so this needs mvn, python3 and a network.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in mvn python3 unzip; do
  command -v "$tool" >/dev/null || { echo "not run: the official UBL rules, for $tool is missing"; exit 0; }
done
work=${1:-$(mktemp -d)}
mkdir -p "$work/jars" "$work/rules" "$work/files"
for artifact in com.helger.phive.rules:phive-rules-peppol:4.3.7 com.helger.ubl:ph-ubl21:10.2.0 \
    com.helger.xsd:ph-xsds-xmldsig:4.1.0 com.helger.xsd:ph-xsds-ccts-cct-schemamodule:4.1.0 \
    com.helger.xsd:ph-xsds-xades132:4.1.0 com.helger.xsd:ph-xsds-xades141:4.1.0; do
  mvn -q -B dependency:copy -Dartifact="$artifact" -DoutputDirectory="$work/jars"
done
for jar in "$work"/jars/*.jar; do unzip -qo "$jar" -x '*.class' -d "$work/rules"; done
[ -x "$work/venv/bin/python" ] || { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q lxml saxonche; }
DOCUMENTS_OUT="$work/files" cargo test -q --workspace --test ubl_rules -- --ignored write_files >/dev/null
# The set that is made through the public API, from order to posting.
UBL_OUT="$work/files" cargo test -q --workspace --test suite ubl_set >/dev/null
"$work/venv/bin/python" tests/ubl/official.py "$work/rules" "$work"/files/*.xml
