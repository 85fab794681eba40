/*
 * ELF headers, read as forgivingly as the kernel reads them and never past what is there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the header says, with the layout in which it makes sense. */
struct elf {
	bool is64, big_endian;
	uint16_t type;
	uint64_t phoff, phnum; /* inside the file */
	uint64_t end;          /* of the section headers, where linkers end a file; 0 if none */
};

/* Reads the header of a file of @size bytes that begins with these @n. True, and *ret, for
 * executables and shared objects whose program headers lie inside the file. */
bool elf_parse(const uint8_t *head, size_t n, uint64_t size, struct elf *ret);

/* Could a kernel run it? */
bool elf_is_program(const uint8_t *head, size_t n, uint64_t size);

/* An unsigned number of @n bytes, at most 8. */
uint64_t elf_number(const struct elf *e, const uint8_t *p, size_t n);
