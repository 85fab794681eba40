/*
 * Is an ELF program a runtime, one that runs whatever code it is pointed at? Told by content that
 * the program cannot do without, never by its name:
 *
 *   node       exports node_module_register and the Node-API; a program that has Node's code
 * inside, such as a single executable application, counts too electron   the same, and needs
 * libffmpeg.so bun        exports the Node-API in Bun's own symbol version; also each program made
 * with `bun build --compile`, since each runs any script with BUN_BE_BUN=1 deno       exports the
 * Node-API but not node_module_register python     exports Py_BytesMain or Py_Main, or is a
 * launcher (see below) that imports one of them perl       exports, or imports as a launcher,
 * perl_parse and perl_run ruby       exports, or imports as a launcher, ruby_run_node php exports,
 * or imports as a launcher, php_execute_script java       imports, as a launcher, JLI_Launch: java
 * itself and the JDK's tools, which are the same launcher lua        exports, or imports as a
 * launcher, luaL_openlibs, and reads LUA_INIT as only the interpreters do shell      its constants
 * hold OPTIND, PS4, getopts and unalias: bash, dash, ksh, zsh, BusyBox; linked either way, as long
 * as these lie in at most RUNTIME_CONSTANTS_MAX bytes loader     ld.so itself: no interpreter of
 * its own, exports _rtld_global (glibc) or __dls3 (musl)
 *
 * A launcher is a small program around a library: at most RUNTIME_LAUNCHER_STRINGS_MAX bytes of
 * dynamic strings. Not told: programs that merely embed an interpreter (gdb, perf, vim), statically
 * linked interpreters other than shells, csh and fish, packed ones, and shared libraries.
 */
#pragma once

#include "agent/inspector/elf_dynamic.h"
#include "policy/identity/facts.h"

enum {
	RUNTIME_CONSTANTS_MAX = 512 << 10,
	RUNTIME_LAUNCHER_STRINGS_MAX = 4 << 10,
};

enum runtime runtime_of(const struct view *v, const struct elf_dynamic *d);
