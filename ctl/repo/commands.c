/*
 * The table of the repository's commands, also the source of their --help.
 */
#include "ctl/repo/commands.h"

#include "policy/base/cleanup.h"

static const struct command commands[] = {
	{ "repo key generate", "NAME", 1, 1,
		OPTION_IN | OPTION_SCHEME | OPTION_OWNER | OPTION_KEYS | OPTION_PASSPHRASE_FILE |
			OPTION_NO_PASSPHRASE,
		"Make a key: a private file, and its public part in the repository.",
		"The private key goes to NAME.pem in the folder of --keys: PKCS#8, encrypted by\n"
		"AES-256 under a key that scrypt makes of the passphrase. It is asked for twice\n"
		"and has at least 8 characters. Outside a repository the public part goes to\n"
		"NAME.pub.json beside it.\n",
		cmd_repo_key_generate },
	{ "repo key import", "NAME [FILE]", 1, 2,
		OPTION_IN | OPTION_SOURCE | OPTION_OWNER | OPTION_KEYS | OPTION_PASSPHRASE_FILE,
		"Take in a colleague's public key, or a private key that is there already.",
		"FILE is a public key: PEM, or a key object of TUF in JSON. With --source alone\n"
		"the private key is opened once, to see its public part; it stays where it is.\n"
		"With both, --source only notes where it is.\n",
		cmd_repo_key_import },
	{ "repo key list", "", 0, 0, OPTION_IN | OPTION_KEYS | OPTION_JSON,
		"Show the keys, what they speak for, and which are on this host.", "",
		cmd_repo_key_list },
	{ "repo sign", "ROLE", 1, 1,
		OPTION_IN | OPTION_KEY | OPTION_KEYS | OPTION_PASSPHRASE_FILE | OPTION_YES,
		"Sign what is being worked on, with the keys that are here.",
		"Without --key: with each of the role's keys whose private part is on this host,\n"
		"for root also those of the root before. Shows what is signed and asks, on a\n"
		"terminal. Ends with 5 when more signatures are needed.\n",
		cmd_repo_sign },
	{ "repo payload", "ROLE", 1, 1, OPTION_IN | OPTION_OUTPUT,
		"Write the bytes that are signed, for a key that is elsewhere.",
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
	{ 0 },
};

const struct command *repository_command(size_t i)
{
	return i < ARRAY_SIZE(commands) && commands[i].name ? &commands[i] : NULL;
}
