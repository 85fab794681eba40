/*
 * The compiled policy: reader. An image is one read-only file without pointers; every offset in it
 * is checked before it is followed, so that the look-ups cannot fail.
 * Strings point into the image and live as long as the struct policy does.
 * A struct policy never changes once opened: threads share it by reference.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/cleanup.h"
#include "policy/identity/facts.h"

enum action {
	ACTION_NONE, /* zero: no rule speaks of it */
	ACTION_LOG,
	ACTION_WARN,
	ACTION_BLOCK,
	_ACTION_MAX,
};

/* Which kind of evidence identified the software; a greater value is the stronger one. */
enum evidence {
	EVIDENCE_NONE,
	EVIDENCE_PATH,
	EVIDENCE_PACKAGE,
	EVIDENCE_BUILD_ID,
	EVIDENCE_SIGNATURE,
	EVIDENCE_SHA256,
	_EVIDENCE_MAX,
};

enum risk {
	RISK_UNSTATED,
	RISK_LOW,
	RISK_MEDIUM,
	RISK_HIGH,
	RISK_CRITICAL,
	_RISK_MAX,
};

enum { POLICY_MATCHES_MAX = 64 };

struct policy;
struct signature; /* policy/image/signature.h */

struct policy_info {
	const char *name, *owner, *contact; /* contact may be "" */
	/* SHA-256 of the image as its builder computed it: names this exact policy in records.
	 * policy_open() does not compute it again. */
	uint8_t digest[SHA256_SIZE];
	uint32_t n_software, n_rules, n_hashes;
	bool has_paths; /* some evidence is a path: a cached verdict holds for one path only */
};

struct policy_software {
	const char *id, *name, *vendor; /* vendor may be "" */
};

/* Texts may be "" where the rule has none. */
struct policy_rule {
	const char *id, *reference, *url, *alternative_name, *alternative_url;
	enum action action;
	enum risk risk;
	bool unknown_version_matches; /* software whose version nothing tells counts as banned */
};

/* One piece of evidence that a file is @software. */
struct policy_match {
	uint32_t software;
	enum evidence evidence;
	/* NULL: unknown. Points into the facts or the image, as it was found:
	 * policy_match_version() gives the one to show. */
	const char *version;
	enum package_type package_type; /* PACKAGE_NONE where the evidence has no package */
	const char *package; /* its name, in the facts or the image; NULL where there is none */
	const char *detail;  /* what gave the evidence: "package.json", a signature's name; or "" */
};

/* Maps @fd (borrowed; a sealed memfd or a file nobody writes to) and checks it: hashes one by one
 * when they are looked at, everything else now. No content makes a look-up read outside the image;
 * tables in a wrong order are not noticed and only hide what they hold.
 * Returns 0 with one reference in *ret, -EBADMSG for a malformed image, -EPROTONOSUPPORT for one
 * of another format version, or another negative errno. */
int policy_open(int fd, struct policy **ret);
struct policy *policy_ref(struct policy *p);
struct policy *policy_unref(struct policy *p); /* NULL-safe, returns NULL */
DEFINE_CLEANUP(struct policy, policy_unref)

void policy_info(const struct policy *p, struct policy_info *ret);

/* Is all of it as its builder wrote it? Computes the digest again, which takes a while: 0, -EBADMSG
 * or -ENOMEM. */
int policy_intact(const struct policy *p);

/* Names this exact policy among those of one run; never 0. */
uint64_t policy_id(const struct policy *p);
/* The image, open for reading as long as the policy lives. */
int policy_fd(const struct policy *p);

/* Where the image holds what scanners need: @n of struct signature, and compiled YARA rules. */
struct policy_signatures {
	uint32_t n;
	uint64_t offset, rules_offset, rules_size;
};

void policy_signatures(const struct policy *p, struct policy_signatures *ret);
/* Valid as long as the policy; @i below policy_signatures.n. */
const struct signature *policy_signature(const struct policy *p, uint32_t i);
/* Does any signature admit a file of @class and @size? */
bool policy_admits(const struct policy *p, enum file_class class, uint64_t size);

/* The packages that the policy lists, by type and name: for those who look for their files. */
struct policy_package {
	enum package_type type;
	const char *name, *version; /* version "": any */
	uint32_t software;
};

uint32_t policy_n_packages(const struct policy *p);
void policy_package(const struct policy *p, uint32_t i, struct policy_package *ret);
/* Is it listed, in any version? Letter case of ASCII does not matter. */
bool policy_lists_package(const struct policy *p, enum package_type type, const char *name);

/* Is some evidence a build-id, which any program may carry? */
bool policy_has_build_ids(const struct policy *p);

/* Can a file of this size match a sha256 rule at all? If not, nobody needs its hash. */
bool policy_size_listed(const struct policy *p, uint64_t size);

/* All the evidence in @f and @path (may be NULL) that names software of this policy, strongest
 * first. @homes: NULL-terminated home directories that "~" in a path rule stands for; may be NULL.
 * Returns how many of @ret (of @max) were filled; further ones are dropped. */
size_t policy_match(const struct policy *p, const struct facts *f, const char *path,
	const char *const homes[], struct policy_match ret[], size_t max);

/* The version of @m as it is shown and compared: without an npm package's platform. "" when
 * unknown. */
void policy_match_version(const struct policy_match *m, char ret[PACKAGE_VERSION_MAX + 1]);

void policy_software(const struct policy *p, uint32_t software, struct policy_software *ret);
/* Rules that speak of @software: how many, and the index of the k-th. */
uint32_t policy_software_n_rules(const struct policy *p, uint32_t software);
uint32_t policy_software_rule(const struct policy *p, uint32_t software, uint32_t k);

void policy_rule(const struct policy *p, uint32_t rule, struct policy_rule *ret);
/* Does the rule's version range hold @m->version? Without a range: always. An unknown version, or
 * one that the range's scheme cannot read, answers rule.unknown_version_matches. */
bool policy_rule_covers(const struct policy *p, uint32_t rule, const struct policy_match *m);
/* The reason in @language ("zh", "pt_BR.UTF-8"), else in English, else the first given; never NULL.
 */
const char *policy_rule_reason(const struct policy *p, uint32_t rule, const char *language);

const char *action_to_string(enum action a);     /* "block" */
const char *evidence_to_string(enum evidence e); /* "sha256" */
const char *risk_to_string(enum risk r);         /* "high"; "" for RISK_UNSTATED */
