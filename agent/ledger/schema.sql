-- The ledger, format 1. The writer runs this once, in one transaction, on a new database.
-- A record is self-contained: no other table, no policy and no user database is needed to read it.
-- NULL means "not known" or "does not apply". 64-bit numbers that the kernel counts without sign
-- (device, inode, size) are stored with the same bits.

CREATE TABLE record (
	sequence INTEGER PRIMARY KEY,   -- 1, 2, 3, ... without holes, never used twice
	kind TEXT NOT NULL,             -- launch, digest, policy, agent, gap, finding, scan
	id TEXT NOT NULL,               -- what an employee quotes; digest: that of its launch
	utc_nsec INTEGER NOT NULL,      -- nanoseconds since 1970
	host TEXT,
	outcome TEXT,                   -- refused, ran, stopped, applied, rejected, ended, found, gone,
	                                -- complete, incomplete, stale
	verdict TEXT,                   -- launches and findings: unjudged, allow, log, warn, block
	evidence TEXT,                  -- what identified the software
	risk TEXT,
	uid INTEGER,
	user TEXT,                      -- name of uid at that time
	login_uid INTEGER,              -- who logged in, whatever user they became since
	pid INTEGER,
	parent INTEGER,
	tty TEXT,
	path BLOB,                      -- bytes: Linux paths need not be text
	device INTEGER NOT NULL,
	inode INTEGER NOT NULL,
	size INTEGER NOT NULL,
	sha256 BLOB,                    -- 32 bytes; of a launch mostly in its digest record
	purl TEXT,
	version TEXT,
	software_id TEXT,
	software_name TEXT,
	rules TEXT,                     -- ids, comma-separated, the deciding one first
	reason TEXT,
	reference TEXT,
	url TEXT,
	alternative_name TEXT,
	alternative_url TEXT,
	policy_name TEXT,
	policy_owner TEXT,
	policy_contact TEXT,
	policy_digest BLOB,             -- 32 bytes
	detail TEXT,
	count INTEGER NOT NULL          -- gap: records lost; scan: files seen
) STRICT;

-- The kind, too: finding a launch's digest must not depend on how many records share its id.
CREATE INDEX record_id ON record (id, kind);
CREATE INDEX record_uid ON record (uid);
-- What scans found, which must not take reading everything else.
CREATE INDEX record_scan ON record (kind) WHERE kind IN ('finding', 'scan');

-- Append-only by construction, also for whoever opens the file with the sqlite3 shell by mistake.
CREATE TRIGGER record_append BEFORE INSERT ON record
WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), 0) + 1 FROM record)
BEGIN
	SELECT raise(ABORT, 'the ledger is append-only: sequence must be the next one');
END;

CREATE TRIGGER record_update BEFORE UPDATE ON record
BEGIN
	SELECT raise(ABORT, 'the ledger is append-only: records do not change');
END;

CREATE TRIGGER record_delete BEFORE DELETE ON record
BEGIN
	SELECT raise(ABORT, 'the ledger is append-only: records do not go away');
END;
