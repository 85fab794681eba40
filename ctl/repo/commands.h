/*
 * The commands with which administrators make, sign and publish the repository of a signed policy.
 */
#pragma once

#include <stddef.h>

#include "ctl/arguments.h"

/* The @i-th of them; NULL past the last. */
const struct command *repository_command(size_t i);

enum exit_code cmd_repo_key_generate(const struct arguments *a);
enum exit_code cmd_repo_key_import(const struct arguments *a);
enum exit_code cmd_repo_key_list(const struct arguments *a);

enum exit_code cmd_repo_sign(const struct arguments *a);
enum exit_code cmd_repo_payload(const struct arguments *a);
enum exit_code cmd_repo_add_signature(const struct arguments *a);

enum exit_code cmd_repo_init(const struct arguments *a);
enum exit_code cmd_repo_role_threshold(const struct arguments *a);
enum exit_code cmd_repo_role_add_key(const struct arguments *a);
enum exit_code cmd_repo_role_remove_key(const struct arguments *a);
enum exit_code cmd_repo_role_expire(const struct arguments *a);
enum exit_code cmd_repo_role_delegate(const struct arguments *a);
enum exit_code cmd_repo_role_undelegate(const struct arguments *a);
enum exit_code cmd_repo_add(const struct arguments *a);
enum exit_code cmd_repo_status(const struct arguments *a);
enum exit_code cmd_repo_publish(const struct arguments *a);
enum exit_code cmd_repo_refresh(const struct arguments *a);
enum exit_code cmd_repo_diff(const struct arguments *a);
enum exit_code cmd_repo_verify(const struct arguments *a);
