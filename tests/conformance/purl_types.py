"""Writes policy/identity/purl_types.c from the purl registry's type definitions:
    purl_types.py DEFINITIONS_FOLDER > policy/identity/purl_types.c
What the definitions say only in prose, or contradict in the registry's own tests, is in PROSE."""

import json
import sys
from pathlib import Path

NAMESPACE = {"required": "PURL_NAMESPACE_REQUIRED", "prohibited": "PURL_NAMESPACE_PROHIBITED"}
LOWER = {"namespace": "PURL_NAMESPACE_LOWER", "name": "PURL_NAME_LOWER", "version": "PURL_VERSION_LOWER",
         "subpath": "PURL_SUBPATH_LOWER"}
RULES = {
    "Replace underscore _ with dash -": "PURL_NAME_DASHES",
    "Apply kebab-case": "PURL_NAME_DASHES",
    "Replace non-[a-z] letters, non-[0-9] digits with underscore _": "PURL_NAME_UNDERSCORES",
}
PROSE = {
    "cocoapods": {"name_pattern": "^[^.+[:space:]][^+[:space:]]*$"},
    "cpan": {"rules": ["PURL_NAMESPACE_UPPER"], "name_pattern": "^([^:]|:[^:])*:?$"},
    # a host, then a path on it; the tests fold the path on the one host that does not tell cases apart
    "git": {"rules": ["PURL_NAME_IS_PATH"], "namespace_parts_max": 1, "lower_on_hosts": ["github", "github.com"]},
    "golang": {"rules": ["PURL_NAMESPACE_LOWER", "PURL_NAME_LOWER"]},
    "mlflow": {"lower_if_repository": "databricks"},
    "npm": {"namespace_parts_max": 1},
    "swid": {"namespace_parts_max": 2},
}

HEAD = """/*
 * The types of the purl registry. Generated from its definitions by
 * tests/conformance/purl_types.py, which also compares; do not edit.
 */
#include "policy/identity/purl_types.h"

#include <string.h>

#include "policy/base/cleanup.h"

/* clang-format off */
static const struct purl_type types[] = {
"""

TAIL = """};
/* clang-format on */

const struct purl_type *purl_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}
"""


def quoted(text):
    return '"' + text.replace("\\d", "[0-9]").replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_pattern(text):
    """What pub calls permitted characters says less than its normalisation does."""
    return text and text.startswith("^") and text.endswith("$")


def rules(definition, prose):
    found = [NAMESPACE[key] for key in [definition["namespace_definition"]["requirement"]] if key in NAMESPACE]
    for part, word in LOWER.items():
        if definition.get(f"{part}_definition", {}).get("case_sensitive") is False:
            found.append(word)
    for text in definition["name_definition"].get("normalization_rules", []):
        if text in RULES:
            found.append(RULES[text])
    return found + prose.get("rules", [])


def row(definition):
    prose = PROSE.get(definition["type"], {})
    fields = {"name": quoted(definition["type"]), "rules": " | ".join(rules(definition, prose)) or "0"}
    if "namespace_parts_max" in prose:
        fields["namespace_parts_max"] = str(prose["namespace_parts_max"])
    for part in ("name", "version"):
        pattern = definition.get(f"{part}_definition", {}).get("permitted_characters")
        pattern = prose.get(f"{part}_pattern", pattern)
        if is_pattern(pattern):
            fields[f"{part}_pattern"] = quoted(pattern)
    if "lower_on_hosts" in prose:
        fields["lower_on_hosts"] = "{ " + ", ".join(map(quoted, prose["lower_on_hosts"])) + " }"
    if "lower_if_repository" in prose:
        fields["lower_if_repository"] = quoted(prose["lower_if_repository"])
    qualifiers = definition.get("qualifiers_definition", [])
    keys = [one["key"] for one in qualifiers]
    if keys:
        fields["qualifiers"] = "{ " + ", ".join(map(quoted, keys)) + " }"
    required = [one["key"] for one in qualifiers if one.get("requirement") == "required"]
    assert len(required) <= 1, required
    if required:
        fields["required_qualifier"] = quoted(required[0])
    return "\t{ " + ",\n\t  ".join(f".{key} = {value}" for key, value in fields.items()) + " },\n"


def generate(folder):
    definitions = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*-definition.json")]
    return HEAD + "".join(map(row, sorted(definitions, key=lambda one: one["type"]))) + TAIL


if __name__ == "__main__":
    sys.stdout.write(generate(Path(sys.argv[1])))
