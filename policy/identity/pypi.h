/*
 * Rules of the Python package index: names are compared in a normal form.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Writes PEP 503's normal form of the @n bytes at @name: lower case, each run of '-', '_' and '.' a
 * single '-'. False, with @out empty, for what is no name of a package (PEP 508) or does not fit.
 */
bool pypi_name_normalize(const char *name, size_t n, char *out, size_t size);
