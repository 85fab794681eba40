// BitTorrent clients by what is built into them. The sizes keep the search away from most other
// programs: those within them are searched once, which takes some 1.5 ms for each MB.

// Command line, daemon and desktop programs alike: each has the whole library inside.
rule transmission
{
	meta:
		purl = "pkg:deb/debian/transmission"
		class = "elf"
		min_size = 400000
		max_size = 8000000
		version = "Transmission[/ ]([0-9]+[.][0-9.]*[0-9])"
	strings:
		$session = "X-Transmission-Session-Id"
		$home = "TRANSMISSION_WEB_HOME"
		$handshake = "BitTorrent protocol"
		$client1 = "BitKitten"
		$client2 = "Enhanced CTorrent"
		$client3 = "FoxTorrent"
		$resume = "Loaded %d IPv4 peers from resume file"
	condition:
		4 of them
}

rule qbittorrent_nox
{
	meta:
		purl = "pkg:deb/debian/qbittorrent-nox"
		class = "elf"
		min_size = 4000000
		max_size = 16000000
		version = "qBittorrent version: v([0-9]+[.][0-9]+[.][0-9]+)"
	strings:
		$thanks = "Thank you for using qBittorrent"
		$profile = "Store configuration files in directories qBittorrent"
		$dns = "Dynamic DNS error: qBittorrent was blacklisted"
		$relative = "Hack into libtorrent fastresume files"
		$move = "Enqueued torrent move"
		$aborted = "Aborted saving resume data"
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
		$about = "Rakshasa's BitTorrent client version"
		$usage = "Usage: rtorrent"
		$ignoring = "Ignoring rtorrent"
		$space = "Closed torrents due to low diskspace"
		$tracker = "Tracker group number invalid"
		$download = "Could not create download"
	condition:
		4 of them
}
