"""Faults of releases that change the database: their migrations, as the operator runs them.

The release has a checkout of its own on the operator's machine, `~/release`; the one that the
platform runs is the stack's, which does not have these migrations.
"""

from __future__ import annotations

from drillbook.drills.hosts import InjectionFailed, run
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.places import CHECKOUT, CONFIG, OPERATOR, RELEASE, RELEASES

_CHECKOUT = f"""
[[ ! -e {RELEASE} ]] || exit 0
mkdir {RELEASE}
cp --recursive --no-preserve=mode \\
  {CHECKOUT}/package.json {CHECKOUT}/scripts {CHECKOUT}/migrations {RELEASE}
ln --symbolic /opt/node_modules {RELEASE}/node_modules
[[ ! -d $1 ]] || cp "$1"/*.up.sql "$1"/*.down.sql {RELEASE}/migrations/sql
"""

_ADDRESS = f"""
cd {RELEASE}
CONTROL_PLANE_DB=$(sed --quiet 's/^CONTROL_PLANE_DB=//p' {CONFIG})
export CONTROL_PLANE_DB
"""

_WRITTEN = """
file=$1/written.sql
[[ ! -e $file ]] || psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file="$file" \\
  "$CONTROL_PLANE_DB"
"""

# A report has an old snapshot open, so that building an index concurrently has to wait for it;
# then the machine that migrates is gone, and its session with it.
_KILLED = """
coproc report { psql --no-psqlrc --quiet --no-align --tuples-only "$CONTROL_PLANE_DB"; }
report_pid=$!
echo 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;' >&"${report[1]}"
read -r -t 60 <&"${report[0]}"
node scripts/migrate.mjs up >/tmp/release-migrate.log 2>&1 &
migrate=$!
ask() { psql --no-psqlrc --quiet --no-align --tuples-only --command "$1" "$CONTROL_PLANE_DB"; }
while [[ $(ask 'SELECT count(*) FROM pg_index WHERE NOT indisvalid') == 0 ]] &&
  kill -0 "$migrate"; do
  sleep 0.1
done
kill -KILL "$migrate" || true
ask "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity
     WHERE application_name = 'migrate'" >/dev/null
echo 'COMMIT;' >&"${report[1]}"
exec {report[1]}>&-
wait "$report_pid"
[[ $(ask 'SELECT count(*) FROM pg_index WHERE NOT indisvalid') == 1 ]] ||
  tail --lines 3 /tmp/release-migrate.log
"""


def migrate(sandbox: Sandbox, name: str) -> None:
    """Runs the migrations of a release, as its deployment does, and what users wrote then."""
    script = _CHECKOUT + _ADDRESS + "npm run --silent migrate\n" + _WRITTEN
    run(sandbox, OPERATOR, "bash", "-euc", script, "bash", f"{RELEASES}/{name}")


def check_out(sandbox: Sandbox, folder: str) -> None:
    """Checks a release out, with the migrations of a folder where it has any; makes none."""
    run(sandbox, OPERATOR, "bash", "-euc", _CHECKOUT, "bash", folder)


def break_off(sandbox: Sandbox, name: str) -> None:
    """Runs the migrations of a release and kills the run while the last one is under way."""
    script = _CHECKOUT + _ADDRESS + _KILLED
    said = run(sandbox, OPERATOR, "bash", "-euc", script, "bash", f"{RELEASES}/{name}")
    if said:
        raise InjectionFailed(f"no index was left half-built: {said}")
