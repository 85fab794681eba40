/*
 * ELF headers, read as forgivingly as the kernel reads them and never past what is there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Could a kernel run a file of @size bytes that begins with these @n? True for executables and
 * shared objects whose program headers lie inside the file. */
bool elf_is_program(const uint8_t *head, size_t n, uint64_t size);
