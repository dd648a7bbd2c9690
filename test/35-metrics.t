#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What Prometheus gets: the collector on a captured tree, its systemd units, the rules
# and the dashboard, and all of it together, from a fault on a running kernel in a VM to
# an alert that fires.
#
# Debian's packages may have started a Prometheus and a node_exporter of their own: those
# are left alone. The ones of this test have ports and directories of their own.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
need_packages make perl prometheus prometheus-node-exporter systemd util-linux
work=$(mktemp -d "$CACHE/metrics.XXXXXX")
pids=()
cleanup() {
	((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || :
	wait
	rm -rf "$work"
}
trap cleanup EXIT
unset DUALBMCTL_ROOT
sys=sys/kernel/dualbm

# ---- captured machines ----

# machine DIR: the captured one, which has two violations, with what its module was
# too old to say.
machine() {
	unpack test/ctl/machine.tree "$1"
	mkdir -p "$1/etc/modprobe.d" "$1/sys/module/dualbm/parameters"
	for parameter in $(module_parameters); do
		touch "$1/sys/module/dualbm/parameters/$parameter"
	done
	echo none >"$1/$sys/state_reason"
	echo frees >"$1/$sys/history"
	echo 0123456789abcdef >"$1/$sys/kernel_id"
	echo fedcba9876543210,0123456789abcdef >"$1/sys/module/dualbm/parameters/qualified"
	echo 0 >"$1/sys/module/dualbm/parameters/allow_untested"
	echo 4FFA09D8B76B48A63893E11 >"$1/sys/module/dualbm/srcversion"
	echo "running=0 interval_ms=60000 pass=7 progress=100% audit=12% blocks=31 hold_max_ns=4100 last_ms=60004 last_result=findings words=6144 found=1 mappings=0 mappings_ns=0" >"$1/$sys/scrub"
}

# healed DIR: the same without a finding.
healed() {
	machine "$1"
	sed -i -E 's/^(violations|boundary_double_free|plane_corruption) .*/\1 0/' "$1/$sys/stats"
	sed -i -E 's/findings/clean/; s/found=1/found=0/' "$1/$sys/scrub"
}

unpack test/ctl/machine.tree "$work/old"
machine "$work/ill"
healed "$work/well"
mkdir -p "$work/bare/sys/kernel"
is "the tree has the keys of the module's own \"scrub\"" \
	"$(grep -oE '[a-z_]+=' "$work/ill/$sys/scrub" | xargs)" \
	"$(sed -n '/^int dualbm_scrub_show/,/^}/p' dualbm_scrub.c | grep -oE '[a-z_]+=%' | tr -d % | xargs)"

# ---- the collector ----

# collect SECONDS TREE: the collector at that time, into $work/out/dualbm.prom.
mkdir "$work/out" "$work/bin"
prom=$work/out/dualbm.prom
printf '#!/bin/sh\ncat "%s/now"\n' "$work" >"$work/bin/date"
chmod 755 "$work/bin/date"
collect() {
	echo "$1" >"$work/now"
	PATH=$work/bin:$PATH DUALBMCTL_ROOT=$work/$2 tools/dualbm-textfile "$prom"
}

# value SERIES: what the file says.
value() {
	awk -v series="$1" '$1 == series { print $2 }' "$prom"
}

check "textfile: is written" collect 1000000 ill
empty "textfile: only what the format has" \
	"$(grep -vE '^(# (HELP|TYPE) dualbm_[a-z_]+ .+|dualbm_[a-z_]+(\{[a-z]+="[A-Za-z0-9_.+-]+"(,[a-z]+="[A-Za-z0-9_.]+")*\})? [0-9]+(\.[0-9]+)?)$' "$prom" || :)"
check "textfile: promtool check metrics" promtool check metrics <"$prom"
is "textfile: nothing else is left" "$(ls "$work/out")" dualbm.prom
is "textfile: can be read by all" "$(stat -c %a "$prom")" 644
is "textfile: violations" "$(value dualbm_violations_total)" 2
is "textfile: violations by class" \
	"$(sed -n 's/^dualbm_violations_by_class_total{class="\(.*\)"} 1$/\1/p' "$prom" | xargs)" "boundary_double_free plane_corruption"
# A mapped free frame, and a piece, are classes, but no violations: they have metrics and warnings of their own.
is "textfile: every class of the module" \
	"$(sed -n 's/^dualbm_violations_by_class_total{class="\(.*\)"}.*/\1/p' "$prom" | sort | xargs)" \
	"$(strings dualbm_names.c dualbm_class_names | grep -vxE 'none|mapped_free|piece_free' | xargs)"
is "textfile: what is a class and no violation" \
	"$(value dualbm_mapped_free_total) $(value dualbm_piece_free_total)" "0 0"
# What the module counts is printed, or else it is a class.
lost=''
mapfile -t names < <(strings dualbm_sysfs.c stat_names)
for name in "${names[@]}"; do
	number='[0-9]+'
	metric=${name/%_[nm]s/_seconds}
	# Times are told in seconds.
	[[ $metric == "$name" ]] || number='[0-9]+[.][0-9]+'
	grep -qE "^(dualbm_$metric(_total)?|dualbm_violations_by_class_total\{class=\"$name\"\}) $number$" "$prom" || lost+=" $name"
	[[ $name == *_alloc || $name == *_free || $name == *_corruption ]] ||
		! grep -q "^# HELP dualbm_$metric.* of /sys" "$prom" || lost+=" $name(HELP)"
done
empty "textfile: every number of the module, explained" "$lost"
is "textfile: every hook" "$(grep -c '^dualbm_hook_missed_total{' "$prom")" "$(wc -l <"$work/ill/$sys/hooks")"
is "textfile: one state" "$(grep '^dualbm_state.* 1$' "$prom")" 'dualbm_state{state="armed"} 1'
is "textfile: every state of the module" \
	"$(sed -n 's/^dualbm_state{state="\(.*\)"}.*/\1/p' "$prom" | sort | xargs)" \
	"$({ strings dualbm_mode.c state_names && grep -o unqualified dualbm_mode.c; } | sort -u | xargs)"
is "textfile: one policy" "$(grep '^dualbm_policy{' "$prom" | xargs -d '\n')" 'dualbm_policy{policy="report"} 1 dualbm_policy{policy="panic"} 0'
is "textfile: kernel and module" "$(grep '^dualbm_info' "$prom")" \
	"dualbm_info{kernel=\"$(cat "$work/ill/proc/sys/kernel/osrelease")\",srcversion=\"4FFA09D8B76B48A63893E11\",version=\"$(cat "$work/ill/sys/module/dualbm/version")\",qualification=\"qualified\"} 1"
is "textfile: one history" "$(grep '^dualbm_history.* 1$' "$prom")" 'dualbm_history{history="frees"} 1'
is "textfile: every word of the module's history" \
	"$(sed -n 's/^dualbm_history{history="\(.*\)"}.*/\1/p' "$prom" | sort | xargs)" "$(strings dualbm_history.c modes | xargs)"
is "textfile: when" "$(value dualbm_textfile_timestamp_seconds)" 1000000
is "textfile: the scrubber" \
	"$(value dualbm_scrub_interval_seconds) $(value dualbm_scrub_last_duration_seconds) $(value dualbm_scrub_last_clean) $(value dualbm_scrub_last_found)" \
	"60 60.004 0 1"
is "textfile: panic is not withheld" "$(value dualbm_panic_withheld)" 0
metrics=$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$prom")

# The age of the last pass is remembered in the file that is replaced.
passes() {
	sed -i "s/^scrub_passes .*/scrub_passes $1/" "$work/ill/$sys/stats"
}
since=dualbm_scrub_last_pass_timestamp_seconds
is "last pass: at first it is now" "$(value $since)" 1000000
collect 1000060 ill
is "last pass: no new one" "$(value $since) $(value dualbm_textfile_timestamp_seconds)" "1000000 1000060"
passes 7
collect 1000120 ill
is "last pass: a new one" "$(value $since)" 1000120
collect 1000060 ill
is "last pass: a clock that was put back" "$(value $since)" 1000060
passes 0
collect 1000180 ill
is "last pass: the module was loaded again" "$(value $since)" 1000180
is "last pass: no result before the first" "$(grep -c '^dualbm_scrub_last_\(clean\|found\|duration\)' "$prom" || :)" 0
passes 7
echo "dualbm_scrub_passes_total 7 $since NaN" >"$prom"
collect 1000240 ill
is "last pass: a file that says nothing of use" "$(value $since)" 1000240

# On a kernel that nobody tried the module says this; it is looked for by its words.
reason=$(sed -n 's/.*"\([^"]*nobody[^"]*panic is withheld\)".*/\1/p' dualbm.c)
echo "$reason" >"$work/ill/$sys/state_reason"
echo unqualified >"$work/ill/$sys/state"
echo panic >"$work/ill/$sys/policy"
collect 1000300 ill
is "textfile: panic is withheld" \
	"$(value dualbm_panic_withheld) $(value 'dualbm_state{state="unqualified"}')$(value 'dualbm_state{state="degraded"}') $(value 'dualbm_policy{policy="panic"}')" "1 10 1"
echo "events were lost" >"$work/ill/$sys/state_reason"
echo degraded >"$work/ill/$sys/state"
collect 1000360 ill
is "textfile: degraded for another reason" "$(value dualbm_panic_withheld)" 0

# qualification ID QUALIFIED ALLOWED: what the machine with these says of its kernel.
qualification() {
	echo "$1" >"$work/ill/$sys/kernel_id"
	echo "$2" >"$work/ill/sys/module/dualbm/parameters/qualified"
	echo "$3" >"$work/ill/sys/module/dualbm/parameters/allow_untested"
	collect 1000380 ill
	sed -n 's/^dualbm_info{.*qualification="\(.*\)"} 1$/\1/p' "$prom"
}
is "textfile: nobody has qualified this kernel" "$(qualification 0123456789abcdef none 0)" unqualified
is "textfile: nobody has, and it is allowed" "$(qualification 0123456789abcdef none 1)" allowed
is "textfile: somebody has, whatever else is allowed" "$(qualification 0123456789abcdef 0123456789abcdef 1)" qualified
is "textfile: another one is not this one" "$(qualification 0123456789abcdef 0123456789abcdef00,000123456789abcdef 0)" unqualified
is "textfile: a kernel without a build-id" "$(qualification '6.1.0:#1_*' 'none,6.1.0:#1_*' 0)" qualified
is "textfile: no pattern is a kernel" "$(qualification '*' 'abc' 0)" unqualified

# configured WORDS: by modprobe's configuration, the policy and what is no parameter.
configured() {
	printf '%s\n' "$@" >"$work/ill/etc/modprobe.d/dualbm.conf"
	collect 1000400 ill
	echo "$(sed -n 's/^dualbm_policy_configured{policy="\(.*\)"} 1$/\1/p' "$prom") $(value dualbm_parameters_unknown)"
}
is "textfile: nothing is configured" "$(configured '# options dualbm policy=panic')" "report 0"
is "textfile: the policy is configured" "$(configured 'options dualbm policy=panic scrub-interval-ms=1000')" "panic 0"
is "textfile: the last word holds" "$(configured 'options dualbm "policy=panic"' 'options dualbm policy=report')" "report 0"
is "textfile: a word that is no parameter" "$(configured 'options dualbm polcy=panic' 'options dualbm2 policy=panic')" "report 1"
is "textfile: words that are hostile" "$(configured 'options dualbm ../../../kernel=1 * policy="pa}nic')" " 2"
rm "$work/ill/etc/modprobe.d/dualbm.conf"

# A kernel may be called anything: promtool reads it all the same, and nothing is lost of what can be printed.
printf 'a"} 1\\ b\n# c\n' >"$work/ill/sys/module/dualbm/version"
printf '6.1\\"\001\303\244\t+x\ny' >"$work/ill/proc/sys/kernel/osrelease"
printf '%0999d' 0 >"$work/ill/sys/module/dualbm/srcversion"
sed -i 's/ required$/ a"b/' "$work/ill/$sys/hooks"
collect 1000420 ill
is "textfile: what the kernel says cannot break the format" "$(grep '^dualbm_info' "$prom")" \
	"dualbm_info{kernel=\"6.1\\\\\\\"+x\",srcversion=\"$(printf '%0128d' 0)\",version=\"a\\\"} 1\\\\ b\",qualification=\"unqualified\"} 1"
check "textfile: and promtool reads it" promtool check metrics <"$prom"
is "textfile: a hook's word that is none is left out" "$(grep -c 'a"b' "$prom" || :)" 0

check "textfile: of an older module" collect 1000480 old
is "textfile: of an older module: what it does not say is left out" \
	"$(grep -c '^dualbm_\(panic_withheld\|scrub_last_clean\|scrub_last_duration\)' "$prom" || :) $(value dualbm_scrub_last_found)" "0 1"
check "textfile: without the module" collect 1000540 bare
is "textfile: without the module: says that" "$(grep -v '^#' "$prom" | xargs -d '\n')" \
	"dualbm_textfile_timestamp_seconds 1000540 dualbm_up 0"
check "textfile: without the module: promtool check metrics" promtool check metrics <"$prom"
mv "$work/well/$sys/policy" "$work/policy"
status=0
collect 1000600 well 2>"$work/err" || status=$?
is "textfile: half a module: fails, and the old file stays" \
	"$((status != 0)) $(value dualbm_textfile_timestamp_seconds) $(ls "$work/out")" "1 1000540 dualbm.prom"
mv "$work/policy" "$work/well/$sys/policy"

# ---- the systemd units ----

directory=/var/lib/prometheus/node-exporter
units=$work/units
check "units: are made" make -s -C tools O="$units" DATADIR="$work/data" "$units/dualbm-textfile.service"
cp tools/dualbm-textfile.timer "$units/"
install -D -m 755 tools/dualbm-textfile "$work/data/dualbm-textfile"
service=$units/dualbm-textfile.service timer=$units/dualbm-textfile.timer
is "units: run what is installed" "$(sed -n 's/^ExecStart=//p' "$service")" "$work/data/dualbm-textfile $directory/dualbm.prom"
is "units: may write there, and only where that is" \
	"$(sed -n 's/^\(ReadWritePaths\|ConditionPathIsDirectory\)=//p' "$service" "$timer" | sort -u)" "$directory"
check "units: it is the collector's own default" grep -q "^file=.*:-$directory/dualbm.prom}" tools/dualbm-textfile
check "units: it is where Debian's node_exporter looks" grep -q "$directory" <(dpkg -L prometheus-node-exporter)

# verify FILE...: what systemd has to say about our units.
verify() {
	systemd-analyze verify --man=no --recursive-errors=no "$@" 2>&1 | grep dualbm || :
}
# Does it work here? It has to see what is wrong with these two.
mkdir "$work/wrong"
sed 's|^ExecStart=.*|ExecStart=/nonexistent/dualbm|' "$service" >"$work/wrong/dualbm-textfile.service"
sed 's/minutely/now and then/' "$timer" >"$work/wrong/dualbm-textfile.timer"
if [[ $(verify "$work/wrong/dualbm-textfile.service") == */nonexistent/dualbm* && $(verify "$work/wrong/dualbm-textfile.timer") ]]; then
	empty "units: systemd-analyze verify" "$(verify "$service" "$timer")"
else
	skip "units: systemd-analyze verify" "it does not work on this machine"
fi
# 1.0 is little; a unit that says nothing has 9.6.
printf '[Service]\nExecStart=/bin/true\n' >"$work/wrong/open.service"
if systemd-analyze security --offline=true "$work/wrong/open.service" 2>&1 | grep -q 'Overall exposure level'; then
	check "units: systemd-analyze security: at most 1.0" systemd-analyze security --offline=true --threshold=10 "$service"
	status=0
	systemd-analyze security --offline=true --threshold=10 "$work/wrong/open.service" >/dev/null 2>&1 || status=$?
	is "units: systemd-analyze security: sees one that is open" "$((status != 0))" 1
else
	skip "units: systemd-analyze security" "it does not work on this machine"
fi
if ((EUID == 0)); then
	check "units: no capability is needed" env DUALBMCTL_ROOT="$work/well" \
		setpriv --bounding-set=-all --inh-caps=-all "$work/data/dualbm-textfile" "$prom"
else
	skip "units: no capability is needed" "not root"
fi

# ---- the rules ----

rules=tools/dualbm-alerts.yml
check "rules: promtool check rules" promtool check rules --lint-fatal "$rules"
check "rules: promtool test rules" promtool test rules test/ctl/alerts-test.yml
alerts=$(sed -n 's/^ *- alert: //p' "$rules" | sort)
records=$(sed -n 's/^ *- record: //p' "$rules" | sort)
empty "rules: each alert is seen to fire, and to be silent" "$(
	awk '
	$1 == "alertname:" { name = $2 }
	$1 == "exp_alerts:" { print name, ($2 == "[]" ? "silent" : "fires") }' test/ctl/alerts-test.yml |
		sort -u | awk '{ n[$1]++ } END { for (name in n) if (n[name] == 2) print name }' | sort |
		comm -3 - <(echo "$alerts"))"
empty "rules: each recording rule is tested" "$(
	comm -3 <(echo "$records") \
		<(sed -n "s/^ *- expr: '\(fleet:.*\)'/\1/p" test/ctl/alerts-test.yml | sort))"
is "rules: each alert has its runbook" \
	"$(grep -cE '^          runbook_url: file:///usr/share/doc/dualbm-tools/docs/runbook\.md#[a-z_-]+$' "$rules")" "$(wc -l <<<"$alerts")"
# A fleet's address, by the command of the document; and by make.
sed -n "/^    sed 's|file:/,/[^\\\\]\$/p" docs/metrics.md |
	sed "s|/usr/share/dualbm/dualbm-alerts.yml|$rules|; s|/etc/prometheus/|$work/|" >"$work/address.sh"
check "rules: with an address of their own" sh -e "$work/address.sh"
is "rules: with an address of their own, every alert leads there" \
	"$(grep -cE '^          runbook_url: https://wiki\.example/dualbm/docs/runbook\.md#[a-z_-]+$' "$work/dualbm-alerts.yml")" \
	"$(wc -l <<<"$alerts")"
check "rules: they are rules as before" promtool check rules --lint-fatal "$work/dualbm-alerts.yml"
make -s -C tools O="$units" DOCURL=https://wiki.example/dualbm "$units/dualbm-alerts.yml"
check "rules: make installs them so too" cmp "$work/dualbm-alerts.yml" "$units/dualbm-alerts.yml"

# ---- the dashboard ----

dashboard=tools/dualbm-dashboard.json

# json EXPRESSION: of the JSON on standard input, what the Perl expression of $j yields, a
# line each.
json() {
	perl -MJSON::PP -e '
		local $/;
		my $j = JSON::PP->new->utf8->decode(scalar <STDIN>);
		my @all = eval $ARGV[0];
		die $@ if $@;
		print "$_\n" for @all;' "$1"
}

check "dashboard: is JSON" json '1' <"$dashboard"
queries=$(json 'map { map { $_->{expr} } @{$_->{targets} || []} } @{$j->{panels}}' <"$dashboard")
variables=$(json 'map { $_->{query}{query} } grep { ref $_->{query} } @{$j->{templating}{list}}' <"$dashboard")
is "dashboard: the panels have numbers of their own" \
	"$(json 'map { $_->{id} } @{$j->{panels}}' <"$dashboard" | sort | uniq -d)" ""
is "dashboard: each panel that is no row has a query" \
	"$(json 'map { $_->{title} } grep { $_->{type} ne "row" && !grep { $_->{expr} } @{$_->{targets}} } @{$j->{panels}}' <"$dashboard")" ""
is "dashboard: and says what it is, and in what unit" \
	"$(json 'map { $_->{title} } grep { $_->{type} ne "row" && !($_->{description} && $_->{fieldConfig}{defaults}{unit}) } @{$j->{panels}}' <"$dashboard")" ""
is "dashboard: seconds, shares and bytes are in units of theirs" "$(json '
	map { $_->{title} } grep {
		my $all = join(" ", map { $_->{expr} } @{$_->{targets} || []});
		my $unit = $all =~ m{^fleet:dualbm_pages_\w+:sum / |dualbm_pages_untracked.* / |^clamp_max} ? "percentunit" :
			$all =~ /_seconds/ ? "s" : $all =~ /_bytes/ ? "bytes" : $all =~ /^rate|:rate5m/ ? "ops" : "short";
		$_->{type} ne "row" && $_->{fieldConfig}{defaults}{unit} ne $unit
	} @{$j->{panels}}' <"$dashboard")" ""
is "dashboard: no panel lies on another one" "$(json '
	my %taken;
	map { my $p = $_; my $g = $p->{gridPos};
		my @cells = map { my $x = $_; map { "$x $_" } $g->{y} .. $g->{y} + $g->{h} - 1 } $g->{x} .. $g->{x} + $g->{w} - 1;
		grep({ $taken{$_}++ } @cells) || $g->{x} + $g->{w} > 24 ? $p->{title} : () } @{$j->{panels}}' <"$dashboard")" ""
# The runbook is where the variable says; all links begin with it, and lead to a section that there is.
is "dashboard: is linked to the runbook" \
	"$(json 'map { "$_->{title} $_->{url}" } @{$j->{links}}' <"$dashboard") $(json 'map { $_->{query} } grep { $_->{name} eq "runbook" } @{$j->{templating}{list}}' <"$dashboard")" \
	"Runbook \${runbook:raw} file:///usr/share/doc/dualbm-tools/docs/runbook.md"
links=$(json 'map { $_->{url} } map {
	(@{$_->{links} || []}, map { @{$_->{value}} } grep { $_->{id} eq "links" } map { @{$_->{properties}} } @{$_->{fieldConfig}{overrides} || []})
} @{$j->{panels}}' <"$dashboard")
check "dashboard: and by the class of a finding" grep -qxF "\${runbook:raw}#\${__value.raw}" <<<"$links"
# sections FILE: what a link into it can name.
sections() {
	sed -nE 's/^#+ //p' "$1" | tr 'A-Z ' 'a-z-'
}
empty "dashboard: and to sections that there are" \
	"$(grep -vxF "\${runbook:raw}#\${__value.raw}" <<<"$links" | grep -vxF -f <(sections docs/runbook.md | sed 's/^/${runbook:raw}#/') || :)"
at_least "dashboard: from most of its panels" "$(wc -l <<<"$links")" 20
is "dashboard: what is asked of machines is asked by kernel too, but of those that cannot say it" \
	"$(grep -F "\$instance" <<<"$queries" | grep -vF "\$kernel" | grep -oE 'dualbm_[a-z_]+' | sort -u)" dualbm_up

# ---- rules and dashboard, on what the collector has recorded ----

# Five machines are recorded when all is well, and again when it is not; the sixth ends.
healed "$work/sick"
sed -i -E 's/^(violations|unproven|coverage_gaps|mapped_free|piece_free|double_alloc|double_free|boundary_double_free|allocator_corruption|bad_page|count_underflow|plane_corruption|directory_corruption) .*/\1 1/
	s/^pages_untracked .*/pages_untracked 100000/' "$work/sick/$sys/stats"
sed -i 's/ 0 required$/ 5 required/' "$work/sick/$sys/hooks"
echo degraded >"$work/sick/$sys/state"
echo 'options dualbm policy=panic polcy=panic' >"$work/sick/etc/modprobe.d/dualbm.conf"
healed "$work/untested"
echo unqualified >"$work/untested/$sys/state"
echo "$reason" >"$work/untested/$sys/state_reason"
echo panic >"$work/untested/$sys/policy"
echo none >"$work/untested/sys/module/dualbm/parameters/qualified"
echo 0.0.9 >"$work/untested/sys/module/dualbm/version"
healed "$work/stuck"
echo learning >"$work/stuck/$sys/state"
for tree in well sick untested stuck bare; do
	rm -f "$prom"
	collect 1000 "$tree"
	# The scrubber of each has finished no pass since.
	collect 5000 "$tree"
	cp "$prom" "$work/$tree.prom"
done

# series_of INSTANCE SECONDS BEFORE AFTER [FILE]: series of that machine, a sample each so many seconds: so
# many as it was well, and so many as FILE has it, if there is one. Clocks go while it is well.
series_of() {
	awk -v instance="$1" -v step="$2" -v before="$3" -v after="$4" '
	/^#/ { next }
	{
		name = $0
		sub(/ [^ ]*$/, "", name)
		names[name]
		if (FILENAME ~ /\/well\.prom$/) first[name] = $NF
		if (FILENAME == ARGV[ARGC - 1]) then[name] = $NF
	}
	END {
		for (name in names) {
			value = name in first ? first[name] "x" before - 1 : "_x" before
			if (name ~ /timestamp/ && name in first)
				value = "0+" step "x" before - 1
			value = value " " (name in then ? then[name] "x" after - 1 : "stale _x" after)
			labels = "instance=\"" instance "\",job=\"node\"}"
			if (!sub(/\}$/, "," labels, name))
				name = name "{" labels
			print "      - series: \047" name "\047\n        values: \047" value "\047"
		}
	}' "$work/well.prom" "${5:-/dev/null}"
}

# test_of_all SECONDS BEFORE AFTER: a test of all of them, without its expressions.
test_of_all() {
	local tree

	printf 'rule_files: [%s]\nevaluation_interval: %ss\ntests:\n  - interval: %ss\n    input_series:\n' "$TOP/$rules" "$1" "$1"
	for tree in well sick untested stuck bare; do
		series_of "$tree" "$@" "$work/$tree.prom"
	done
	series_of gone "$@"
	echo "    promql_expr_test:"
}

# asked TIME QUERY VALUE: that is the query's value at that time; nothing is "".
asked() {
	printf "      - expr: '%s'\n        eval_time: %s\n        exp_samples: [%s]\n" \
		"${2//\'/\'\'}" "$1" "${3:+{labels: '{\}', value: $3\}}"
}

# with KERNEL INSTANCE: the queries, one a line, with these for the variables.
with() {
	sed "s/\$kernel/$1/g; s/\$instance/$2/g" <<<"$queries"
}

{
	test_of_all 60 60 60
	for record in $records; do
		asked 119m "count($record) > bool 0" 1
	done
	with '6[.].+' '[a-z]+' | while IFS= read -r query; do
		asked 119m "count($query) > bool 0" 1
	done
	with none '[a-z]+' | paste -d '\n' - <(echo "$queries") | while IFS= read -r query && IFS= read -r asks; do
		[[ $asks != *\$kernel* ]] || asked 119m "count($query)" ""
	done
	with '6[.].+' none | paste -d '\n' - <(echo "$queries") | while IFS= read -r query && IFS= read -r asks; do
		[[ $asks != *\$instance* ]] || asked 119m "count($query)" ""
	done
	# What the variables offer: label_values(METRIC, LABEL).
	sed -nE 's/^label_values\((.*), ([a-z]+)\)$/count(count by (\2) (\1{\2!=""})) > bool 0/p' <<<"$variables" |
		while IFS= read -r query; do
			asked 119m "$query" 1
		done
} >"$work/recorded.yml"
{
	# A version may drift for a day.
	test_of_all 300 12 310
	asked 55m 'count(ALERTS)' ""
	for alert in $alerts; do
		asked 26h "count(count_over_time(ALERTS{alertname=\"$alert\",alertstate=\"firing\"}[25h])) > bool 0" 1
	done
} >"$work/recorded-alerts.yml"
check "recorded: each total and each query of the dashboard has an answer, of the machines that were chosen" \
	promtool test rules "$work/recorded.yml"
check "recorded: each alert fires, and none before" promtool test rules "$work/recorded-alerts.yml"
is "recorded: nothing was forgotten" "$(cat "$work"/recorded*.yml | grep -c "^      - expr: ")" \
	"$(($(grep -cE '^ *- (record|alert): ' "$rules") + $(wc -l <<<"$queries") + $(grep -cF "\$kernel" <<<"$queries") + $(grep -cF "\$instance" <<<"$queries") + $(wc -l <<<"$variables") + 1))"

# ---- all together ----

# free_port: one that nobody listens on, just now.
free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 0)->sockport'
}

# expose NAME: a node_exporter that has the numbers of that tree and nothing else.
expose() {
	local port

	mkdir "$work/$1.d"
	DUALBMCTL_ROOT=$work/$1 tools/dualbm-textfile "$work/$1.d/dualbm.prom"
	port=$(free_port)
	prometheus-node-exporter --web.listen-address="127.0.0.1:$port" --collector.disable-defaults \
		--collector.textfile --collector.textfile.directory="$work/$1.d" >"$work/$1.log" 2>&1 &
	pids+=($!)
	targets+="      - targets: ['127.0.0.1:$port']
        labels: {instance: $1}
"
}

# api PATH [KEY VALUE]: the answer of Prometheus. It is here, whatever proxy there is.
api() {
	perl -MHTTP::Tiny -e '
		my ($url, %form) = @ARGV;
		my $http = HTTP::Tiny->new(timeout => 10, http_proxy => undef, proxy => undef);
		$url .= "?" . $http->www_form_urlencode(\%form) if %form;
		my $answer = $http->get($url);
		print $answer->{content};
		exit !$answer->{success};' "http://127.0.0.1:$port/api/v1/$1" "${@:2}"
}

# ask QUERY: its value, or its values, sorted.
ask() {
	api query query "$1" | json 'sort map { $_->{value}[1] } @{$j->{data}{result}}' | xargs
}

# raised INSTANCE STATE: the alerts of that machine which are in a state that fits.
raised() {
	api alerts | json "sort map { \$_->{labels}{alertname} } grep { (\$_->{labels}{instance} // '') eq '$1' && \$_->{state} =~ /$2/ } @{\$j->{data}{alerts}}" | xargs
}

# until_true CMD...: within half a minute.
until_true() {
	local end=$((EPOCHSECONDS + 30))

	until "$@" 2>/dev/null; do
		((EPOCHSECONDS < end)) || return 1
		sleep 0.3
	done
}

rm -rf "$work/ill"
machine "$work/ill"
targets=''
expose ill
expose well
cat >"$work/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ['$TOP/$rules']
scrape_configs:
  - job_name: node
    static_configs:
$targets
END
check "end to end: promtool check config" promtool check config "$work/prometheus.yml"
port=$(free_port)
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
	--web.listen-address="127.0.0.1:$port" --log.level=warn >"$work/prometheus.log" 2>&1 &
pids+=($!)

# Both machines were read some times, and the rules were evaluated with both.
both_seen() {
	[[ $(ask 'fleet:dualbm_up:sum') == 2 && $(ask 'min(count_over_time(dualbm_up[1m])) >= bool 4') == 1 ]]
}
fires() {
	[[ $(raised "$1" firing) == "$2" ]]
}
if until_true both_seen; then
	ok "end to end: Prometheus has both machines"
else
	not_ok "end to end: Prometheus has both machines" "$(tail -n 20 "$work"/*.log)"
fi
is "end to end: node_exporter takes the file" "$(ask 'max(node_textfile_scrape_error)')" 0
is "end to end: no series is lost" "$(ask 'count({__name__=~"dualbm_.*",instance="ill"})')" "$(grep -vc '^#' "$work/ill.d/dualbm.prom")"
check "end to end: a violation: its alerts fire, and no others" until_true fires ill "DualbmBoundaryDoubleFree DualbmPlaneCorruption"
is "end to end: without a violation: none, not even a pending one" "$(raised well . || echo "no answer")" ""
is "end to end: the fleet" "$(ask 'fleet:dualbm_violated:sum') $(ask 'sum(fleet:dualbm_violations_by_class:sum)')" "1 2"
totals=$(ask 'count({__name__=~"fleet:dualbm_.*"})')
# That silence was no deafness. What the collector writes after a fault on a real kernel
# is the other machine's next file.
vm "end to end: a fault" 'done' --file tools/dualbm-textfile -- alert.sh
sed -n 's/^prom //p' "$vm_log" >"$work/fault.prom"
mv "$work/fault.prom" "$work/well.d/dualbm.prom"
check "end to end: a fault in a VM: its alert fires, and no other" until_true fires well DualbmDoubleAlloc
is "end to end: a fault in a VM: no other is pending" "$(raised well .)" DualbmDoubleAlloc
like "end to end: a fault in a VM: which kernel, and which module" "$(grep '^dualbm_info' "$work/well.d/dualbm.prom")" \
	'kernel="[0-9]+[.][0-9]+[^"]+",srcversion="[0-9A-F]*",version="[0-9.]+",qualification="(qualified|allowed)"'
kernel=$(sed -n 's/^dualbm_info{kernel="\([^"]*\)".*/\1/p' "$work/well.d/dualbm.prom")
kernel_violated() {
	[[ $(ask "fleet:dualbm_kernel_violated:sum{kernel=\"$kernel\"} >= bool 1") == 1 ]]
}
check "end to end: a fault in a VM: its kernel has a finding" until_true kernel_violated

# What rules and dashboard ask for exists. Prometheus itself says what the rules ask.
recorded=$(api rules | json 'map { $_->{name} } grep { $_->{type} eq "recording" } map { @{$_->{rules}} } @{$j->{data}{groups}}') || :
rule_queries=$(api rules | json 'map { $_->{query} } map { @{$_->{rules}} } @{$j->{data}{groups}}') || :
is "names: all rules were looked at" "$(wc -l <<<"$rule_queries")" "$(grep -cE '^ *- (alert|record): ' "$rules")"

# unknown: names on standard input, in PromQL, that are no function and no word of the
# language, and that neither the collector prints nor a rule records.
unknown() {
	perl -ne '
		s/"[^"]*"//g; s/\{[^}]*\}//g; s/\[[^]]*\]//g; s/\boffset +\w+//g;
		s/\b(by|without|on|ignoring|group_left|group_right) *\([^)]*\)//g;
		s/^label_values\(([^,]*),.*\)/$1/;
		for (/([a-zA-Z_:][a-zA-Z0-9_:]*)(?! *\(|[a-zA-Z0-9_:])/g) {
			print "$_\n" unless /^(and|or|unless|bool)$/;
		}' | sort -u | comm -23 - <(sort -u <<<"$metrics
$recorded")
}
empty "names: rules ask only for what there is" "$(unknown <<<"$rule_queries")"
empty "names: the dashboard asks only for what there is" "$(unknown <<<"$queries
$variables")"
is "names: what there is not is found" "$(unknown <<<'sum by (x) (rate(dualbm_no_total{a="b"}[5m])) > 3 * fleet:no:sum and dualbm_up' | xargs)" "dualbm_no_total fleet:no:sum"

# ---- the documentation ----

empty "docs/metrics.md: has every metric, alert and total" "$(
	for name in $metrics $alerts $recorded; do
		grep -q "\`$name\`" docs/metrics.md || echo "$name"
	done)"
# says FILE NAME TEXT: it does, however its lines are broken.
says() {
	if tr -s '[:space:]' ' ' <"$1" | grep -qF -e "$3"; then ok "$1: $2"; else not_ok "$1: $2" "nowhere: '$3'"; fi
}
series=$(grep -vc '^#' "$work/ill.d/dualbm.prom")
says docs/metrics.md "counts the series right" "| $series series |"
bytes=$((($(wc -c <"$work/ill.d/dualbm.prom") + 50) / 100))
says docs/metrics.md "counts the bytes right" "| $((bytes / 10)).$((bytes % 10)) kB |"
says docs/metrics.md "counts the samples right" "| $series a minute | $((series * 10000 / 60 / 1000)) 000 a second |"
says docs/metrics.md "counts the totals right" " $totals series, however many"
# "drop what no rule asks for"
dropped=$(sed -n "s/^ *regex: '\(.*\)'$/\1/p" docs/metrics.md)
says docs/metrics.md "counts what is left right" \
	" leaves $(grep -v '^#' "$work/ill.d/dualbm.prom" | grep -cvE "^($dropped)(\{| )") of a machine"
empty "docs/metrics.md: no rule asks for what may be dropped" \
	"$(grep -oE 'dualbm_[a-z_]+' <<<"$rule_queries" | grep -xE "$dropped" || :)"
# Each class has its line in the log, as dualbm_record_log() prints it.
check "the module's line begins with the class" grep -q 'scnprintf(buffer, size, "%s pfn=0x%lx' dualbm_record.c
line=$(sed -n 's/^ *\(\^dualbm: (.*) pfn=\)$/\1/p' docs/metrics.md)
is "docs/metrics.md: the expression finds every class" \
	"$(strings dualbm_names.c dualbm_class_names | sed 's/.*/dualbm: & pfn=0x1 order=0/' | grep -vE "${line:-nothing}")" \
	$'dualbm: mapped_free pfn=0x1 order=0\ndualbm: none pfn=0x1 order=0\ndualbm: piece_free pfn=0x1 order=0'
check "docs/metrics.md: and those are warnings" grep -q 'dualbm: mapped_free.*dualbm: piece_free' docs/metrics.md

done_testing
