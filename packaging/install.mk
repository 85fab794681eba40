# make install, make uninstall: DESTDIR and PREFIX as usual. Nothing is started or enabled.
# PREFIX is compiled in (where proscribed finds its helpers), so it is given to `make` as well.
SYSCONFDIR  ?= /etc
bin_DIR     := $(DESTDIR)$(PREFIX)/bin
sbin_DIR    := $(DESTDIR)$(PREFIX)/sbin
helper_DIR  := $(DESTDIR)$(LIBEXECDIR)
unit_DIR    := $(DESTDIR)$(PREFIX)/lib/systemd/system
users_DIR   := $(DESTDIR)$(PREFIX)/lib/sysusers.d
catalog_DIR := $(DESTDIR)$(PREFIX)/lib/systemd/catalog
man_DIR     := $(DESTDIR)$(PREFIX)/share/man
shell_DIR   := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
# the bus reads its policies in /usr and /etc only
bus_DIR     := $(DESTDIR)$(if $(filter /usr,$(PREFIX)),/usr/share,$(SYSCONFDIR))/dbus-1/system.d
share_DIR   := $(DESTDIR)$(PREFIX)/share/proscribe
conf_DIR    := $(DESTDIR)$(SYSCONFDIR)/proscribe
manuals     := proscribectl.1 proscribe-policy.5 proscribe-agent.yaml.5 proscribe-update.yaml.5 proscribe-repository.7 proscribed.8 proscribe-update.8
signatures  := $(wildcard packaging/examples/high-risk/signatures/*.yar)
units       := proscribed.service proscribe-scan.service proscribe-scan.timer proscribe-update.service proscribe-update.timer
section      = man$(subst .,,$(suffix $(1)))

INSTALLED := $(sbin_DIR)/proscribed $(bin_DIR)/proscribectl $(helper_DIR)/proscribe-inspector \
	$(helper_DIR)/proscribe-compiler $(helper_DIR)/proscribe-walker $(helper_DIR)/proscribe-update $(foreach u,$(units),$(unit_DIR)/$(u)) $(users_DIR)/proscribe.conf \
	$(catalog_DIR)/proscribe.catalog $(bus_DIR)/org.proscribe.Agent1.conf $(shell_DIR)/proscribectl \
	$(foreach m,$(manuals),$(man_DIR)/$(call section,$(m))/$(m))

install: all ## put everything in place (DESTDIR, PREFIX); starts nothing
	@grep -qaF '$(LIBEXECDIR)' $(B)/proscribed || { \
		echo >&2 'The programs were built for another PREFIX: `make clean`, then `make PREFIX=$(PREFIX)`.'; exit 1; }
	install -D -m 0755 $(B)/proscribed $(sbin_DIR)/proscribed
	install -D -m 0755 $(B)/proscribectl $(bin_DIR)/proscribectl
	install -D -m 0755 -t $(helper_DIR) $(B)/proscribe-inspector $(B)/proscribe-compiler $(B)/proscribe-walker $(B)/proscribe-update
	install -d $(unit_DIR)
	$(foreach u,$(units),sed 's|^\(Exec[A-Za-z]*=\)/usr/|\1$(PREFIX)/|' packaging/systemd/$(u) >$(unit_DIR)/$(u) && chmod 0644 $(unit_DIR)/$(u) && ):
	install -D -m 0644 packaging/sysusers/proscribe.conf $(users_DIR)/proscribe.conf
	install -D -m 0644 packaging/journal/proscribe.catalog $(catalog_DIR)/proscribe.catalog
	install -D -m 0644 packaging/dbus/org.proscribe.Agent1.conf $(bus_DIR)/org.proscribe.Agent1.conf
	install -D -m 0644 packaging/completion/proscribectl.bash $(shell_DIR)/proscribectl
	$(foreach m,$(manuals),install -D -m 0644 packaging/man/$(m) $(man_DIR)/$(call section,$(m))/$(m) && ):
	install -D -m 0644 packaging/examples/high-risk/policy.yaml $(share_DIR)/examples/high-risk/policy.yaml
	install -D -m 0644 packaging/examples/monitor/policy.yaml $(share_DIR)/examples/monitor/policy.yaml
	install -D -m 0644 packaging/examples/update.yaml $(share_DIR)/examples/update.yaml
	install -D -m 0644 -t $(share_DIR)/examples/high-risk/signatures $(signatures)
	install -D -m 0644 -t $(share_DIR)/examples/monitor/signatures $(signatures)
	install -d -m 0755 $(conf_DIR) $(conf_DIR)/policy.d $(conf_DIR)/trust
	@test -e $(conf_DIR)/agent.yaml || install -m 0644 packaging/examples/agent.yaml $(conf_DIR)/agent.yaml
	@ls $(conf_DIR)/policy.d/*.yaml >/dev/null 2>&1 || { \
		install -m 0644 packaging/examples/monitor/policy.yaml $(conf_DIR)/policy.d/policy.yaml && \
		install -D -m 0644 -t $(conf_DIR)/policy.d/signatures $(signatures) && \
		echo 'The sample list is in $(conf_DIR)/policy.d: it records launches and stops nobody.'; }
	@test -n '$(DESTDIR)' || ! command -v systemd-sysusers >/dev/null || systemd-sysusers $(users_DIR)/proscribe.conf
	@test -n '$(DESTDIR)' || ! command -v journalctl >/dev/null || journalctl --update-catalog
	@test -n '$(DESTDIR)' || ! test -d /run/systemd/system || systemctl daemon-reload
	@echo 'Next: systemctl enable --now proscribed proscribe-scan.timer'

uninstall: ## remove what install put in place; settings, policy and ledger stay
	rm -f $(INSTALLED)
	rm -rf $(share_DIR)
	-rmdir $(helper_DIR) 2>/dev/null
	@test -n '$(DESTDIR)' || ! test -d /run/systemd/system || systemctl daemon-reload
	@echo 'Left in place: $(conf_DIR), /var/lib/proscribe, /var/lib/proscribe-update and the users proscribe and proscribe-update.'

.PHONY: install uninstall
