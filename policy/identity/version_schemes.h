/*
 * What each scheme gives to the table in version.c, and what they share. Texts are at most
 * VERSION_LENGTH_MAX long; x_compare() wants texts that x_valid() took.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define VERSION_DIGITS  "0123456789"
#define VERSION_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* A part of a version's text. */
struct version_part {
	const char *text;
	size_t length;
};

bool version_is_digit(char c);
bool version_is_letter(char c);
char version_lower(char c);
/* Not empty, and nothing but ASCII without blanks and control characters. */
bool version_is_plain(const char *s);
/* Takes what is made of @allowed off *s. */
struct version_part version_take(const char **s, const char *allowed);
/* Two runs of digits, however long, by their value; no digit at all is zero. */
int version_compare_digits(struct version_part a, struct version_part b);
bool version_digits_zero(struct version_part a);
/* Byte by byte, a prefix before what it begins; the second without regard to ASCII case. */
int version_compare_bytes(struct version_part a, struct version_part b);
int version_compare_lower(struct version_part a, struct version_part b);

bool version_semver_valid(const char *s);
int version_semver_compare(const char *a, const char *b);
bool version_deb_valid(const char *s);
int version_deb_compare(const char *a, const char *b);
bool version_rpm_valid(const char *s);
int version_rpm_compare(const char *a, const char *b);
bool version_pypi_valid(const char *s);
int version_pypi_compare(const char *a, const char *b);
bool version_apk_valid(const char *s);
int version_apk_compare(const char *a, const char *b);
bool version_maven_valid(const char *s);
int version_maven_compare(const char *a, const char *b);
bool version_gem_valid(const char *s);
int version_gem_compare(const char *a, const char *b);
bool version_golang_valid(const char *s);
int version_golang_compare(const char *a, const char *b);
bool version_intdot_valid(const char *s);
int version_intdot_compare(const char *a, const char *b);
bool version_datetime_valid(const char *s);
int version_datetime_compare(const char *a, const char *b);
bool version_lexicographic_valid(const char *s);
int version_lexicographic_compare(const char *a, const char *b);
bool version_any_valid(const char *s); /* all and none, which have no order */
