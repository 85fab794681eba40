// BitTorrent clients by what they say to each other and to their users. The sizes keep the search
// away from nearly every other program: within them, an unknown file costs 2 to 3 ms for each MB once.

// Command line, daemon and desktop programs alike: each has the whole library inside.
rule transmission
{
	meta:
		purl = "pkg:deb/debian/transmission"
		class = "elf"
		min_size = 400000
		max_size = 8000000
		version = "Transmission[/ ]([0-9]+[.][0-9]+([.][0-9]+)?)"
	strings:
		$protocol = "BitTorrent protocol"
		$announce = "info_hash=%s&peer_id=%"
		$session = "X-Transmission-Session-Id"
		$bootstrap = "dht.transmissionbt.com"
		$portcheck = "portcheck.transmissionbt.com"
		$realm = "Basic realm=\"Transmission\""
		$home = "TRANSMISSION_WEB_HOME"
	condition:
		4 of them
}

// The program without a desktop; the name of the other one's package is qbittorrent.
rule qbittorrent_nox
{
	meta:
		purl = "pkg:deb/debian/qbittorrent-nox"
		class = "elf"
		min_size = 4000000
		max_size = 16000000
		version = "qBittorrent version: v([0-9]+[.][0-9]+[.][0-9]+)"
	strings:
		$webui = "To control qBittorrent, access the WebUI at"
		$thanks = "Thank you for using qBittorrent."
		$running = "You cannot use %1: qBittorrent is already running for this user."
		$sharing = "qBittorrent is a file sharing program."
		$bugs = "bug.qbittorrent.org"
		$dns = "qBittorrent was blacklisted by the service"
	condition:
		3 of them
}

rule rtorrent
{
	meta:
		purl = "pkg:deb/debian/rtorrent"
		class = "elf"
		min_size = 500000
		max_size = 8000000
		version = "rTorrent ([0-9]+[.][0-9]+[.][0-9]+)"
	strings:
		$about = "BitTorrent client version"
		$usage = "Usage: rtorrent [OPTIONS]..."
		$resource = "rtorrent.rc"
		$dht = "rtorrent.dht_cache"
		$lock = "rtorrent.lock"
		$history = "rtorrent.input_history"
	condition:
		4 of them
}
