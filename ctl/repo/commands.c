/*
 * The table of the repository's commands, also the source of their --help.
 */
#include "ctl/repo/commands.h"

#include "policy/base/cleanup.h"

static const struct command commands[] = {
	{ "repo init", "[DIR]", 0, 1,
		OPTION_IN | OPTION_KEY | OPTION_KEYS | OPTION_OWNER | OPTION_SCHEME |
			OPTION_PASSPHRASE_FILE | OPTION_NO_PASSPHRASE | OPTION_JSON,
		"Begin a repository: keys, roles, and a README for colleagues.",
		"Makes the keys root, targets and online, and asks for one passphrase. online has\n"
		"none, because cron signs with it; it can change no rule. With --key a key that\n"
		"is there already is used, or one of that name is made: one whose name begins\n"
		"with root, targets or online for that, any other for root and targets.\n",
		cmd_repo_init },
	{ "repo key generate", "NAME", 1, 1,
		OPTION_IN | OPTION_SCHEME | OPTION_OWNER | OPTION_KEYS | OPTION_PASSPHRASE_FILE |
			OPTION_NO_PASSPHRASE,
		"Make a private key, and note its public part.",
		"The private key goes to NAME.pem in the folder of --keys: PKCS#8, encrypted by\n"
		"AES-256 under a key that scrypt makes of the passphrase. It is asked for twice\n"
		"and has at least 8 characters. Outside a repository the public part goes to\n"
		"NAME.pub.json beside it.\n",
		cmd_repo_key_generate },
	{ "repo key import", "NAME [FILE]", 1, 2,
		OPTION_IN | OPTION_SOURCE | OPTION_OWNER | OPTION_KEYS | OPTION_PASSPHRASE_FILE,
		"Take in a colleague's public key, or a key of yours.",
		"FILE is a public key: PEM, or a key object of TUF in JSON. With --source alone\n"
		"the private key is opened once, to see its public part; it stays where it is.\n"
		"With both, --source only notes where it is.\n",
		cmd_repo_key_import },
	{ "repo key list", "", 0, 0, OPTION_IN | OPTION_KEYS | OPTION_JSON,
		"Show the keys, what they speak for and where they are.", "", cmd_repo_key_list },
	{ "repo role threshold", "ROLE N", 2, 2, OPTION_IN | OPTION_JSON,
		"Say how many keys of a role must sign.",
		"This and the other changes of roles are made in the working copies of root, or\n"
		"of the role that delegates; they count when these are signed. A change that\n"
		"nobody could sign is refused. Ends with 5 when signatures are needed now.\n",
		cmd_repo_role_threshold },
	{ "repo role add-key", "ROLE KEY", 2, 2, OPTION_IN | OPTION_JSON,
		"Let a key sign for a role.", "Ends with 5 when signatures are needed now.\n",
		cmd_repo_role_add_key },
	{ "repo role remove-key", "ROLE KEY", 2, 2, OPTION_IN | OPTION_JSON,
		"Let a key sign for a role no more.",
		"KEY may be the whole id of a key that is not in the repository any more. Ends\n"
		"with 5 when signatures are needed now.\n",
		cmd_repo_role_remove_key },
	{ "repo role expire", "ROLE", 1, 1, OPTION_IN | OPTION_EXPIRES | OPTION_JSON,
		"Make a new version of a role that expires later.",
		"Ends with 5: it must be signed.\n", cmd_repo_role_expire },
	{ "repo role delegate", "NAME", 1, 1,
		OPTION_IN | OPTION_PATHS | OPTION_KEY | OPTION_THRESHOLD | OPTION_TERMINATING |
			OPTION_ROLE | OPTION_EXPIRES | OPTION_JSON,
		"Let a team speak of its own files with its own keys.",
		"The role NAME is delegated to by targets, or by --role. Ends with 5: both must "
		"be\n"
		"signed.\n",
		cmd_repo_role_delegate },
	{ "repo role undelegate", "NAME", 1, 1, OPTION_IN | OPTION_JSON, "Take a team's role away.",
		"Ends with 5: who delegated must sign.\n", cmd_repo_role_undelegate },
	{ "repo add", "POLICY-DIR", 1, 1,
		OPTION_IN | OPTION_ROLE | OPTION_DRY_RUN | OPTION_EXPIRES | OPTION_JSON,
		"Take in a policy, and show what changes in its rules.",
		"The policy is checked first, as 'policy check' does; with errors nothing "
		"changes.\n"
		"With --role, files of POLICY-DIR that the team may speak of. Ends with 5 when\n"
		"something changed: it must be signed.\n",
		cmd_repo_add },
	{ "repo status", "", 0, 0, OPTION_IN | OPTION_OUTPUT | OPTION_JSON,
		"Show what waits for whose signature, and what expires when.",
		"With --output DIR, where the list is published, also what is not published yet.\n"
		"Ends with 5 when more signatures are needed, with 1 when something has expired.\n",
		cmd_repo_status },
	{ "repo diff", "DIR|URL", 1, 1, OPTION_IN | OPTION_ROOT | OPTION_CA_FILE | OPTION_JSON,
		"Show in words what differs from what is published.",
		"For whoever is asked to sign: rules, software and signatures in the repository's\n"
		"folder, beside those that hosts have now.\n",
		cmd_repo_diff },
	{ "repo sign", "ROLE", 1, 1,
		OPTION_IN | OPTION_KEY | OPTION_KEYS | OPTION_PASSPHRASE_FILE | OPTION_YES,
		"Sign what is being worked on with the keys on this host.",
		"Without --key: with each of the role's keys whose private part is on this host,\n"
		"for root also those of the root before. Shows what is signed and asks, on a\n"
		"terminal. Ends with 5 when more signatures are needed.\n",
		cmd_repo_sign },
	{ "repo payload", "ROLE", 1, 1, OPTION_IN | OPTION_OUTPUT,
		"Write the bytes that are signed, for keys elsewhere.",
		"Exactly these bytes, without a line end, are signed:\n"
		"  openssl pkeyutl -sign -rawin -inkey KEY -in BYTES -out SIGNATURE    (ed25519)\n"
		"  openssl dgst -sha256 -sign KEY -out SIGNATURE BYTES                 (ecdsa)\n"
		"  openssl dgst -sha256 -sign KEY -sigopt rsa_padding_mode:pss \\\n"
		"          -sigopt rsa_pss_saltlen:-1 -out SIGNATURE BYTES             (rsa)\n"
		"  openssl dgst -sha256 -binary -out DIGEST BYTES\n"
		"  pkcs11-tool --sign -m ECDSA --id ID -i DIGEST -o SIGNATURE          (ecdsa)\n"
		"  pkcs11-tool --sign -m SHA256-RSA-PKCS-PSS --id ID -i BYTES -o SIGNATURE   "
		"(rsa)\n",
		cmd_repo_payload },
	{ "repo add-signature", "ROLE FILE|-", 2, 2, OPTION_IN | OPTION_KEY,
		"Add a signature that was made elsewhere.",
		"It may be as it is, in hexadecimal or in base64; of ECDSA in DER, or r and s one\n"
		"behind the other. It is verified first. Ends with 5 when more signatures are\n"
		"needed.\n",
		cmd_repo_add_signature },
	{ "repo publish", "DIR", 1, 1,
		OPTION_IN | OPTION_KEYS | OPTION_PASSPHRASE_FILE | OPTION_EXPIRES | OPTION_DRY_RUN |
			OPTION_JSON,
		"Write what is complete as files for a web server.",
		"Signs snapshot and timestamp with the online key, for 7 days or --expires. DIR "
		"can\n"
		"be served while it is written: published files never change, timestamp.json is\n"
		"replaced last, and only when the client that hosts use accepts all of it. Ends\n"
		"with 5 when signatures are missing.\n",
		cmd_repo_publish },
	{ "repo refresh", "DIR", 1, 1,
		OPTION_IN | OPTION_KEYS | OPTION_PASSPHRASE_FILE | OPTION_EXPIRES | OPTION_DRY_RUN |
			OPTION_JSON,
		"Sign timestamp again where it is published, for cron.",
		"And snapshot, when a third of its life is over. The repository does not change,\n"
		"and what waits for signatures there does not matter.\n",
		cmd_repo_refresh },
	{ "repo verify", "URL|DIR", 1, 1, OPTION_ROOT | OPTION_CA_FILE | OPTION_JSON,
		"Check what is published, with the client that hosts use.",
		"Fetches everything, verifies it from --root on, or from the first root that is\n"
		"published, and compiles the policy. Ends with 1 when hosts would refuse it.\n",
		cmd_repo_verify },
};

const struct command *repository_command(size_t i)
{
	return i < ARRAY_SIZE(commands) ? &commands[i] : NULL;
}
