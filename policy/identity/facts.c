#include "policy/identity/facts.h"

#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"

static bool all_zero(const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

static bool package_valid(const struct package *p)
{
	return p->type > PACKAGE_NONE && p->type < _PACKAGE_TYPE_MAX && p->told > METADATA_NONE &&
		p->told < _METADATA_MAX && text_field_valid(p->name, sizeof(p->name)) && p->name[0] &&
		text_field_valid(p->version, sizeof(p->version));
}

static bool program_valid(const struct facts *f)
{
	if (f->linkage >= _ELF_LINKAGE_MAX || f->runtime >= _RUNTIME_MAX)
		return false;
	if (!file_class_is_elf((enum file_class) f->class))
		return f->linkage == ELF_LINKAGE_NONE && f->runtime == RUNTIME_NONE;
	return f->runtime == RUNTIME_NONE || f->linkage != ELF_LINKAGE_NONE;
}

static bool payload_valid(const struct facts *f)
{
	if (f->payload_size == 0)
		return f->payload_offset == 0;
	return f->payload_offset <= f->size && f->payload_size <= f->size - f->payload_offset;
}

static bool build_id_valid(const struct facts *f)
{
	if (f->n_build_id > BUILD_ID_MAX || !!(f->have & FACTS_BUILD_ID) != (f->n_build_id > 0))
		return false;
	return all_zero(f->build_id + f->n_build_id, BUILD_ID_MAX - f->n_build_id);
}

static bool packages_valid(const struct facts *f)
{
	if (f->n_packages > FACTS_PACKAGES_MAX)
		return false;
	for (uint32_t i = 0; i < f->n_packages; i++)
		if (!package_valid(&f->packages[i]))
			return false;
	return all_zero(f->packages + f->n_packages,
		(FACTS_PACKAGES_MAX - f->n_packages) * sizeof(f->packages[0]));
}

static bool signatures_valid(const struct facts *f)
{
	const bool scanned = f->have & (FACTS_SCANNED | FACTS_SCAN_LATER);

	if (f->n_signatures > FACTS_SIGNATURES_MAX || scanned != (f->policy_id != 0) ||
		(f->n_signatures > 0 && !(f->have & FACTS_SCANNED)))
		return false;
	for (uint32_t i = 0; i < f->n_signatures; i++)
		if (!text_field_valid(f->signatures[i].version, sizeof(f->signatures[i].version)))
			return false;
	return all_zero(f->signatures + f->n_signatures,
		(FACTS_SIGNATURES_MAX - f->n_signatures) * sizeof(f->signatures[0]));
}

bool facts_valid(const struct facts *f)
{
	if (f->class >= _FILE_CLASS_MAX || (f->have & ~(uint32_t) _FACTS_HAVE_ALL))
		return false;
	if (!(f->have & FACTS_SHA256) && !all_zero(f->sha256, sizeof(f->sha256)))
		return false;
	if (!text_field_valid(f->interpreter, sizeof(f->interpreter)) ||
		!!(f->have & FACTS_INTERPRETER) != !!f->interpreter[0])
		return false;
	return program_valid(f) && payload_valid(f) && build_id_valid(f) && packages_valid(f) &&
		signatures_valid(f);
}

void facts_add_package(struct facts *f, const struct package *p)
{
	for (uint32_t i = 0; i < f->n_packages; i++)
		if (f->packages[i].type == p->type && strcmp(f->packages[i].name, p->name) == 0 &&
			strcmp(f->packages[i].version, p->version) == 0)
			return;
	if (f->n_packages < FACTS_PACKAGES_MAX)
		f->packages[f->n_packages++] = *p;
}

bool file_class_is_elf(enum file_class c)
{
	return c == FILE_CLASS_ELF || (c >= FILE_CLASS_BUN && c <= FILE_CLASS_UPX);
}

const char *file_class_to_string(enum file_class c)
{
	static const char *const names[_FILE_CLASS_MAX] = {
		[FILE_CLASS_UNKNOWN] = "unknown",
		[FILE_CLASS_ELF] = "elf",
		[FILE_CLASS_SCRIPT] = "script",
		[FILE_CLASS_JS] = "js",
		[FILE_CLASS_BUN] = "bun",
		[FILE_CLASS_NODE_SEA] = "node-sea",
		[FILE_CLASS_ELECTRON] = "electron",
		[FILE_CLASS_APPIMAGE] = "appimage",
		[FILE_CLASS_UPX] = "upx",
		[FILE_CLASS_ZIP] = "zip",
		[FILE_CLASS_JAR] = "jar",
		[FILE_CLASS_PYZ] = "pyz",
		[FILE_CLASS_WASM] = "wasm",
		[FILE_CLASS_SQUASHFS] = "squashfs",
	};

	return (unsigned) c < ARRAY_SIZE(names) ? names[c] : "unknown";
}

const char *elf_linkage_to_string(enum elf_linkage l)
{
	static const char *const names[_ELF_LINKAGE_MAX] = {
		[ELF_LINKAGE_NONE] = "",
		[ELF_LINKAGE_STATIC] = "static",
		[ELF_LINKAGE_DYNAMIC] = "dynamic",
		[ELF_LINKAGE_LIBRARY] = "library",
	};

	return (unsigned) l < ARRAY_SIZE(names) ? names[l] : "";
}

const char *runtime_to_string(enum runtime r)
{
	static const char *const names[_RUNTIME_MAX] = {
		[RUNTIME_NONE] = "",
		[RUNTIME_NODE] = "node",
		[RUNTIME_BUN] = "bun",
		[RUNTIME_DENO] = "deno",
		[RUNTIME_ELECTRON] = "electron",
		[RUNTIME_PYTHON] = "python",
		[RUNTIME_RUBY] = "ruby",
		[RUNTIME_PERL] = "perl",
		[RUNTIME_PHP] = "php",
		[RUNTIME_JAVA] = "java",
		[RUNTIME_LUA] = "lua",
		[RUNTIME_SHELL] = "shell",
		[RUNTIME_LOADER] = "loader",
	};

	return (unsigned) r < ARRAY_SIZE(names) ? names[r] : "";
}

/* purl's word for each type, and VERS's for the order of its versions. */
static const struct {
	const char *name, *scheme;
} package_types[_PACKAGE_TYPE_MAX] = {
	[PACKAGE_NONE] = { "", NULL },
	[PACKAGE_NPM] = { "npm", "npm" },
	[PACKAGE_DEB] = { "deb", "deb" },
	[PACKAGE_RPM] = { "rpm", "rpm" },
	[PACKAGE_PYPI] = { "pypi", "pypi" },
	[PACKAGE_VSCODE_EXTENSION] = { "vscode-extension", "semver" },
	[PACKAGE_GOLANG] = { "golang", "golang" },
	[PACKAGE_CARGO] = { "cargo", "semver" },
	[PACKAGE_MAVEN] = { "maven", "maven" },
	[PACKAGE_BREW] = { "brew", NULL },
	[PACKAGE_GENERIC] = { "generic", NULL },
};

const char *package_type_to_string(enum package_type t)
{
	return (unsigned) t < ARRAY_SIZE(package_types) ? package_types[t].name : "";
}

const char *package_type_scheme(enum package_type t)
{
	return (unsigned) t < ARRAY_SIZE(package_types) ? package_types[t].scheme : NULL;
}

enum package_type package_type_from_string(const char *purl_type)
{
	for (unsigned t = PACKAGE_NONE + 1; t < ARRAY_SIZE(package_types); t++)
		if (strcmp(package_types[t].name, purl_type) == 0)
			return (enum package_type) t;
	return PACKAGE_NONE;
}

const char *metadata_to_string(enum metadata m)
{
	static const char *const names[_METADATA_MAX] = {
		[METADATA_NONE] = "",
		[METADATA_PACKAGE_JSON] = "package.json",
		[METADATA_CODEX_JSON] = "codex-package.json",
		[METADATA_DIST_INFO] = "dist-info",
		[METADATA_DIST_RECORD] = "RECORD",
		[METADATA_PRODUCT_JSON] = "product.json",
		[METADATA_SNAP] = "snap.yaml",
		[METADATA_FLATPAK] = "flatpak",
		[METADATA_CRATES] = ".crates2.json",
		[METADATA_PLUGIN_JAR] = "plugin.xml",
		[METADATA_PATH] = "path",
		[METADATA_GO_BUILDINFO] = "go buildinfo",
		[METADATA_CARGO_AUDIT] = "cargo auditable",
		[METADATA_ARCHIVE] = "archive",
		[METADATA_APPIMAGE] = "appimage",
		[METADATA_DPKG] = "dpkg",
		[METADATA_RPM] = "rpm",
	};

	return (unsigned) m < ARRAY_SIZE(names) ? names[m] : "";
}
