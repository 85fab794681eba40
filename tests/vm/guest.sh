#!/bin/bash
# Runs in the guest (see boot) and only collects: each section is a line "### NAME STATUS SECONDS" and
# what the command wrote. test_vm.py says what it should have been.
cd /vmtest || exit 1

section() { # NAME COMMAND...
	local name=$1 output status begun=$SECONDS
	shift
	output=$("$@" 2>&1)
	status=$?
	printf '### %s %s %s\n%s\n' "$name" "$status" "$((SECONDS - begun))" "$output"
}

# An employee logs in on a terminal and types a command; the terminal stays
# until a notice had time to come.
on_terminal() { # COMMAND
	su -l employee -c "script -qec '$1; echo status=\$?; sleep 3' /dev/null" </dev/null
}

as_employee() { # COMMAND
	su -l employee -c "$1" </dev/null
}

failed_units() { systemctl list-units --failed --plain --no-legend | awk '{print $1}'; }

active_units() { systemctl list-units --state=active --plain --no-legend | awk '{print $1}' | sort; }

# Who still has a fanotify group with marks; reads /proc with builtins only, so that it works whatever happens.
marks() {
	local info line
	for info in /proc/[0-9]*/fdinfo/*; do
		while read -r line; do
			case $line in "fanotify "*) echo "$info $line" ;; esac
		done <"$info"
	done 2>/dev/null
}

hang() {
	kill -STOP "$(systemctl show -P MainPID proscribed)"
	/bin/true && /usr/bin/id
}

wait_active() {
	for _ in {1..60}; do
		systemctl -q is-active proscribed && return 0
		sleep 0.5
	done
	return 1
}

kill_agent() {
	local pid
	pid=$(systemctl show -P MainPID proscribed)
	kill -KILL "$pid"
	sleep 1
	wait_active && [ "$(systemctl show -P MainPID proscribed)" != "$pid" ]
}

# An administrator's folder, published where the host itself can read it.
publish() {
	export HOME=/root
	proscribectl repo init /srv/repository --no-passphrase &&
		proscribectl repo add /opt/policy-next -C /srv/repository
	proscribectl repo sign targets --yes -C /srv/repository && proscribectl repo publish /srv/list -C /srv/repository
}

wait_signed() {
	for _ in {1..40}; do
		proscribectl status --json | grep -q '"enrolled": true' && proscribectl status | grep -q 'file:///srv/list' && return 0
		sleep 0.5
	done
	return 1
}

# This script's own unit keeps the boot from counting as finished; all else has to have started.
for _ in {1..60}; do
	[ "$(systemctl list-jobs --no-legend | grep -vc -e vmtest -e multi-user -e graphical)" = 0 ] && break
	sleep 0.5
done
section failed-units failed_units
section active-units active_units

section install apt-get -o Debug::NoLocking=1 -y install ./local-tool.deb
section installed as_employee local-tool
section login-su su -l employee -c 'id -un; pwd'
section login-runuser runuser -l employee -c 'id -un; pwd'
section script-by-root sh -c 'echo "#!/bin/sh
echo fine" >/root/script && chmod +x /root/script && /root/script'

if systemctl -q is-enabled proscribed; then
	section active systemctl is-active proscribed
	section properties systemctl show proscribed -p Type,WatchdogUSec,NRestarts,NoNewPrivileges,MainPID
	section marks marks
	section status proscribectl status
	section status-employee as_employee 'proscribectl status'
	section system-bus busctl --no-pager --system list
	section banned-link on_terminal /opt/banned/node_modules/.bin/assistant
	section banned-path on_terminal /opt/banned/node_modules/@example-vendor/assistant/cli.js
	section banned-elf on_terminal /opt/tool
	section allowed on_terminal /opt/allowed/node_modules/.bin/assistant
	section export proscribectl export --format jsonl
	section journal journalctl --no-pager -o json -u proscribed
	section why sh -c 'proscribectl why "$(proscribectl export --format csv |
		sed -nE "s/^[0-9]+,([^,]*),[^,]*,launch,refused,.*/\1/p" | head -n 1)"'
	section own-messages journalctl --no-pager -o cat -u proscribed
	section security systemd-analyze security --no-pager proscribed
	section kill kill_agent
	section banned-after-kill on_terminal /opt/banned/node_modules/.bin/assistant
	section hang hang
	section after-hang wait_active
	section banned-after-hang on_terminal /opt/banned/node_modules/.bin/assistant
	section reload systemctl reload proscribed
	section publish publish
	section enroll proscribectl enroll --root /srv/repository/metadata/1.root.json --repository file:///srv/list
	section signed-status wait_signed
	section banned-by-signed-policy on_terminal /opt/allowed/node_modules/.bin/assistant
	rm -rf /var/lib/proscribe-update/{report,mirror} # so that it is due, and has something to tell
	section update-service systemctl start proscribe-update.service
	section update-timer systemctl enable --now proscribe-update.timer
	section update-messages journalctl --no-pager -o cat -u proscribe-update
	section update-security systemd-analyze security --no-pager proscribe-update
	section update-state stat -c '%U %a' /var/lib/proscribe-update
	section restart systemctl restart proscribed
	section status-after-restart wait_signed
	section banned-after-restart on_terminal /opt/allowed/node_modules/.bin/assistant
	section failed-units-later failed_units
	section stop systemctl stop proscribed
	section marks-after-stop marks
	section banned-after-stop as_employee /opt/banned/node_modules/.bin/assistant
	section processes-after-stop pgrep -l proscribe
fi
exit 0
