/*
 * A record as an OCSF 1.8.0 event (Open Cybersecurity Schema Framework):
 *   launch  Process Activity 1007, Launch, with the security_control profile
 *   digest  File System Activity 1001, Other ("Digest")
 *   policy  Entity Management 3004, Update: succeeded, or failed
 *   agent   Application Lifecycle 6002, Start or Stop
 *   gap     Event Log Activity 1008, Other ("Lost")
 * What OCSF has no field for is in `unmapped` under the ledger's own names.
 */
#pragma once

#include <jansson.h>

#include "agent/ledger/reader.h"

/* *ret: one reference for the caller. 0 or -ENOMEM. */
int ocsf_from_record(const struct record *r, json_t **ret);
