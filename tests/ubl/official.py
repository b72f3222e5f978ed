"""Runs the official rules over UBL files: the XSD of UBL 2.1, CEN's EN 16931 and OpenPeppol's BIS Billing 3.0 or Order.

official.py RULES_FOLDER FILE...: RULES_FOLDER holds the two unpacked Maven artefacts (see official.sh).
Prints each broken rule once per file; ends with 1 if there was one that is fatal.
"""

import glob
import re
import sys
from collections import Counter
from pathlib import Path

from lxml import etree
from saxonche import PySaxonProcessor

FAILED = re.compile(r'<svrl:(?:failed-assert|successful-report)\b.*?</svrl:(?:failed-assert|successful-report)>', re.S)


def attribute(name, text):
    found = re.search(rf'\b{name}="([^"]*)"', text)
    return found.group(1) if found else ""


# The UBL schemas import these without saying where they are.
IMPORTED = {
    "urn:un:unece:uncefact:data:specification:CoreComponentTypeSchemaModule:2": "CCTS_CCT_SchemaModule.xsd",
    "http://www.w3.org/2000/09/xmldsig#": "xmldsig-core-schema.xsd",
    "http://uri.etsi.org/01903/v1.3.2#": "XAdES01903v132-201601.xsd",
    "http://uri.etsi.org/01903/v1.4.1#": "XAdES01903v141-201601.xsd",
}


def schema(one, kind):
    """UBL's schema for a kind of document, together with what it imports."""
    root = etree.Element("{http://www.w3.org/2001/XMLSchema}schema")
    kinds = {f"urn:oasis:names:specification:ubl:schema:xsd:{kind}-2": f"maindoc/UBL-{kind}-2.1.xsd"}
    for namespace, file in (IMPORTED | kinds).items():
        location = Path(one(f"**/{file}")).resolve().as_uri()
        etree.SubElement(root, "{http://www.w3.org/2001/XMLSchema}import", namespace=namespace, schemaLocation=location)
    return etree.XMLSchema(root)


def main(rules, files):
    def one(pattern):
        found = sorted(glob.glob(f"{rules}/{pattern}", recursive=True))
        return found[-1] if found else sys.exit(f"no {pattern} in {rules}")

    sheets = {
        "Invoice": ["CEN-EN16931-UBL", "PEPPOL-EN16931-UBL"],
        "CreditNote": ["CEN-EN16931-UBL", "PEPPOL-EN16931-UBL"],
        "Order": ["PEPPOLBIS-T01"],
    }
    schemas, compiled, broken, warned = {}, {}, Counter(), Counter()
    with PySaxonProcessor(license=False) as saxon:
        xslt = saxon.new_xslt30_processor()
        for file in files:
            tree = etree.parse(file)
            kind = etree.QName(tree.getroot()).localname
            if kind not in schemas:
                schemas[kind] = schema(one, kind)
            if not schemas[kind].validate(tree):
                for error in schemas[kind].error_log:
                    print(f"{file}: XSD line {error.line}: {error.message}")
                    broken["XSD"] += 1
            for sheet in sheets[kind]:
                if sheet not in compiled:
                    compiled[sheet] = xslt.compile_stylesheet(stylesheet_file=one(f"**/openpeppol/*/xslt/{sheet}.xslt"))
                report = compiled[sheet].transform_to_string(source_file=str(Path(file).resolve())) or ""
                for failed in FAILED.findall(report):
                    rule, flag = attribute("id", failed), attribute("flag", failed)
                    text = " ".join(re.sub(r"<[^>]*>", " ", failed).split())
                    print(f"{file}: {flag} {rule} at {attribute('location', failed)}: {text[:300]}")
                    (broken if flag == "fatal" else warned)[rule] += 1
    for rule, times in warned.most_common():
        print(f"{times:6} {rule} (warning)")
    for rule, times in broken.most_common():
        print(f"{times:6} {rule}")
    print(f"{len(files)} files, {sum(broken.values())} broken rules")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
