/*
 * What an inspector found out about one file: fixed size, no pointers, so that it can cross a
 * process boundary. Every byte was chosen by whoever made the file; facts_valid() must have said
 * yes before anything here is used.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum file_class {
	FILE_CLASS_UNKNOWN,
	FILE_CLASS_ELF,
	FILE_CLASS_SCRIPT, /* starts with #! */
	FILE_CLASS_JS,     /* JavaScript, by its #! interpreter or by its text */
	FILE_CLASS_BUN,    /* ELF made with `bun build --compile` */
	FILE_CLASS_NODE_SEA,
	FILE_CLASS_ELECTRON,
	FILE_CLASS_APPIMAGE,
	FILE_CLASS_UPX, /* ELF packed with UPX */
	FILE_CLASS_ZIP,
	FILE_CLASS_JAR, /* ZIP with a manifest */
	FILE_CLASS_PYZ, /* ZIP that Python runs */
	FILE_CLASS_WASM,
	FILE_CLASS_SQUASHFS,
	_FILE_CLASS_MAX,
};

enum elf_linkage {
	ELF_LINKAGE_NONE, /* not an ELF file, or not looked at */
	ELF_LINKAGE_STATIC,
	ELF_LINKAGE_DYNAMIC, /* names an interpreter, which is the dynamic linker */
	ELF_LINKAGE_LIBRARY, /* a shared library, or the dynamic linker itself */
	_ELF_LINKAGE_MAX,
};

/* An ELF program that runs code it is pointed at; agent/inspector/runtime.h says how it is told. */
enum runtime {
	RUNTIME_NONE,
	RUNTIME_NODE,
	RUNTIME_BUN,
	RUNTIME_DENO,
	RUNTIME_ELECTRON,
	RUNTIME_PYTHON,
	RUNTIME_RUBY,
	RUNTIME_PERL,
	RUNTIME_PHP,
	RUNTIME_JAVA,
	RUNTIME_LUA,
	RUNTIME_SHELL,
	RUNTIME_LOADER, /* ld.so */
	_RUNTIME_MAX,
};

/* purl's types; what has none of its own is PACKAGE_GENERIC with a namespace that says what it is:
 * "snap/code", "flatpak/com.example.App", "appimage/Cursor", "electron/cursor", "jetbrains/ID",
 * "nix/claude-code". */
enum package_type {
	PACKAGE_NONE,
	PACKAGE_NPM,
	PACKAGE_DEB,
	PACKAGE_RPM,
	PACKAGE_PYPI,
	PACKAGE_VSCODE_EXTENSION,
	PACKAGE_GOLANG,
	PACKAGE_CARGO,
	PACKAGE_MAVEN,
	PACKAGE_BREW,
	PACKAGE_GENERIC,
	_PACKAGE_TYPE_MAX,
};

/* What a package was told by. Those up to METADATA_FILES_MAX are files beside or above the program,
 * which the agent finds by their names and hands over. */
enum metadata {
	METADATA_NONE,
	METADATA_PACKAGE_JSON, /* npm's; also a VS Code extension's */
	METADATA_CODEX_JSON,   /* codex-package.json */
	METADATA_DIST_INFO,    /* Python: NAME-VERSION.dist-info/METADATA or .egg-info/PKG-INFO */
	METADATA_DIST_RECORD,  /* and RECORD, which says whether a file belongs to it */
	METADATA_PRODUCT_JSON, /* resources/app/product.json of an Electron program */
	METADATA_SNAP,         /* meta/snap.yaml */
	METADATA_FLATPAK,      /* metadata beside files/ */
	METADATA_CRATES,       /* .crates2.json of a Cargo home */
	METADATA_PLUGIN_JAR,   /* a jar in the lib/ of a JetBrains plugin */
	METADATA_FILES_MAX = METADATA_PLUGIN_JAR,
	METADATA_PATH,         /* the path itself: Nix store, Homebrew, pnpm's store */
	METADATA_GO_BUILDINFO, /* inside the program, as are these: */
	METADATA_CARGO_AUDIT,  /* the dependency list of cargo-auditable */
	METADATA_ARCHIVE,      /* entries of a zip or jar */
	METADATA_APPIMAGE,     /* the .desktop file of an AppImage */
	METADATA_DPKG,         /* the host's package database, as is this: */
	METADATA_RPM,
	_METADATA_MAX,
};

enum facts_have {
	FACTS_SHA256 = 1u << 0,
	FACTS_INTERPRETER = 1u << 1,
	FACTS_METADATA_REFUSED = 1u << 2, /* metadata was there but malformed or past a limit */
	FACTS_BUILD_ID = 1u << 3,
	FACTS_PAYLOAD_REFUSED = 1u << 4, /* what it carries is malformed or past a limit */
	FACTS_SCANNED = 1u << 5, /* the signatures of policy_id that admit it were searched for */
	FACTS_SCAN_LATER = 1u << 6, /* not all: it is too large to search before an answer */
	_FACTS_HAVE_ALL = (1u << 7) - 1,
};

enum {
	FACTS_PACKAGES_MAX = 8,
	FACTS_SIGNATURES_MAX = 8,
	PACKAGE_NAME_MAX = 214,    /* npm's own limit for scope and name together */
	PACKAGE_VERSION_MAX = 256, /* node-semver's own limit */
	SIGNATURE_VERSION_MAX = 63,
	BUILD_ID_MAX = 20, /* bytes; of a longer one, the first */
	FACTS_INTERPRETER_MAX = 255,
	SHA256_SIZE = 32,
};

/* UTF-8, NUL-terminated; an empty version means that the metadata gave none. The name is purl's
 * namespace and name: "@scope/name", "debian/transmission-cli", "anthropic/claude-code",
 * "github.com/ngrok/ngrok", "group/artifact"; a Python name is in normal form. */
struct package {
	uint32_t type; /* enum package_type */
	uint32_t told; /* enum metadata */
	char name[PACKAGE_NAME_MAX + 1];
	char version[PACKAGE_VERSION_MAX + 1];
};

/* A signature of the policy that matched. One that found several versions in the content is here
 * once for each; "" when it found none, or too many to be true. */
struct signature_match {
	uint32_t signature; /* index into the policy of facts.policy_id */
	char version[SIGNATURE_VERSION_MAX + 1];
};

struct facts {
	uint64_t size;                         /* bytes */
	uint32_t class;                        /* enum file_class */
	uint32_t have;                         /* bits of enum facts_have */
	uint32_t linkage;                      /* enum elf_linkage */
	uint32_t runtime;                      /* enum runtime */
	uint64_t payload_offset, payload_size; /* what a container carries; inside the file */
	uint8_t sha256[SHA256_SIZE];
	uint32_t n_build_id;
	uint8_t build_id[BUILD_ID_MAX];
	char interpreter[FACTS_INTERPRETER_MAX + 1]; /* as the kernel reads it, without arguments */
	uint32_t n_packages, n_signatures;
	struct package packages[FACTS_PACKAGES_MAX];
	uint64_t policy_id; /* policy_id() of the policy whose signatures were searched for, or 0 */
	struct signature_match signatures[FACTS_SIGNATURES_MAX];
};

/* Every enum in range, every string terminated and well-formed UTF-8, counts within bounds,
 * fields that are not there all zero. */
bool facts_valid(const struct facts *f);

/* Does the kernel run the file itself, rather than an interpreter for it? */
bool file_class_is_elf(enum file_class c);

const char *file_class_to_string(enum file_class c);     /* "elf" */
const char *elf_linkage_to_string(enum elf_linkage l);   /* "dynamic" */
const char *runtime_to_string(enum runtime r);           /* "node" */
const char *package_type_to_string(enum package_type t); /* purl's word: "npm" */
const char *metadata_to_string(enum metadata m);         /* "package.json", "dpkg" */

/* VERS's scheme of the versions of a package type: "npm", "deb"; NULL where there is none. */
const char *package_type_scheme(enum package_type t);
/* PACKAGE_NONE: no package type of that name. */
enum package_type package_type_from_string(const char *purl_type);

/* Adds @p unless it is there already or there is no room. */
void facts_add_package(struct facts *f, const struct package *p);
