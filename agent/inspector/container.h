/*
 * Smaller formats that carry or hide programs: WebAssembly, squashfs, AppImage, UPX.
 */
#pragma once

#include <stdbool.h>

#include "agent/inspector/elf_dynamic.h"
#include "agent/inspector/range.h"

bool container_is_wasm(const uint8_t *head, size_t n);
/* A squashfs superblock at @offset whose image ends inside the file; *ret is the image. */
bool container_find_squashfs(const struct view *v, uint64_t offset, struct range *ret);
/* The AppImage mark in the ELF header (type 1 or 2), or a squashfs right behind the ELF, which is
 * what type 2 cannot do without. *ret is the squashfs, if there is one, else of size 0. */
bool container_is_appimage(const struct view *v, const struct elf *e, struct range *ret);
/* UPX's mark where its loader's header is, or in the last bytes of the file. Gone when somebody
 * overwrote it, which the packed program survives. */
bool container_is_upx(const struct view *v, const struct elf *e);
