#!/usr/bin/env bash
# Feature tables: the join against an implementation of its own, ties, errors, versions.
set -eu
. "$(dirname "$0")/shell.sh"

printf 'user,when,age,city\na,2026-01-01,30,"Zürich, CH"\na,2026-01-03T00:00:00Z,31,Bern\nb,1767225600,7,"say ""hi""\nthere"\n' >users.csv
expect 0 "$eadem" feature define user --key user --time when --columns city,age
expect 1 "$eadem" feature define user --key user --time when --columns city
says err "there already"
expect 1 "$eadem" feature join users.csv --features user --name x --time when
says err "is empty"
expect 0 "$eadem" feature ingest user users.csv
says out "user@1: 3 rows"

# At the very time: counted. A nanosecond before: not.
expect 0 "$eadem" feature get user a --at 2026-01-03
says out "city=Bern"
expect 0 "$eadem" feature get user a --at 2026-01-02T23:59:59.999999999Z
says out "city=Zürich, CH"
expect 0 "$eadem" feature get user a --at 2026-01-03T00:30:00+01:00
says out "age=30"
expect 1 "$eadem" feature get user a --at 2025-12-31
expect 1 "$eadem" feature get user nobody

# A later version corrects the same moment; pinned to @1 the old value stays. In one file the last line wins.
printf 'when,age,user,city\n2026-01-03,32,a,Basel\n2026-01-03,33,a,Chur\n' >more.csv
expect 0 "$eadem" feature ingest user more.csv
expect 0 "$eadem" feature get user a
says out "city=Chur"
expect 0 "$eadem" feature get user@1 a
says out "city=Bern"
expect 1 "$eadem" feature get user@3 a
says err "2 versions"

printf 'customer,time,label\na,2026-01-02,0\na,2026-01-04,1\nb,2025-01-01,0\nb,2026-02-01,1\n' >events.csv
expect 0 "$eadem" feature join events.csv --features user@1=customer,user@2=customer --name joined
expect 0 "$eadem" data checkout joined joined.csv
printf 'customer,time,label,user.city,user.age,user.city,user.age\na,2026-01-02,0,"Zürich, CH",30,"Zürich, CH",30\na,2026-01-04,1,Bern,31,Chur,33\nb,2025-01-01,0,,,,\nb,2026-02-01,1,"say ""hi""\nthere",7,"say ""hi""\nthere",7\n' >wanted.csv
cmp wanted.csv joined.csv || fail "the joined table differs"

# Random tables against a join written in Python.
python3 - <<'P'
import csv, random
random.seed(6)
feature = [(random.randrange(20), random.randrange(1000), str(random.random())) for _ in range(3000)]
events = [(random.randrange(25), random.randrange(-10, 1010)) for _ in range(2000)]
with open("f.csv", "w", newline="") as f:
    w = csv.writer(f); w.writerow(["k", "t", "v"]); w.writerows(feature)
with open("e.csv", "w", newline="") as f:
    w = csv.writer(f); w.writerow(["k", "time"]); w.writerows(events)
with open("wanted.csv", "w", newline="") as f:
    w = csv.writer(f, lineterminator="\n"); w.writerow(["k", "time", "f.v"])
    for k, t in events:
        best = None
        for fk, ft, v in feature:
            if fk == k and ft <= t and (best is None or ft >= best[0]):
                best = (ft, v)
        w.writerow([k, t, best[1] if best else ""])
P
expect 0 "$eadem" feature define f --key k --time t --columns v
expect 0 "$eadem" feature ingest f f.csv
expect 0 "$eadem" feature join e.csv --features f --name random
expect 0 "$eadem" data checkout random random.csv
cmp wanted.csv random.csv || fail "the random join differs"
expect 0 "$eadem" feature join e.csv --features f --name random
says out unchanged

# Broken files name the line and change nothing.
for bad in 'k,t,v\n1,5\n' 'k,t,v\n1,yesterday,2\n' 'k,t,v\n1,5,"x\n' 'k,t\n1,5\n' 'k,t,v\n1,5,a"b\n' 'k,t,v\n1,2026-02-30,x\n'; do
    printf "$bad" >bad.csv
    expect 1 "$eadem" feature ingest f bad.csv
    says err bad.csv
done
expect 0 "$eadem" feature list f --json
[ "$(grep -c '"version"' "$log/out")" = 1 ] || fail "a failed ingestion left a version"
whole
echo "features: joins, ties, versions, errors"
