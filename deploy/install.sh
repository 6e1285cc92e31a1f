#!/bin/sh
# Installs Attaché into PREFIX from the folder it is started in: the dependencies from their lock, checked against its
# hashes, then the project. The image is built by these two steps, apart so that a change of code reuses the first.
#   deploy/install.sh dependencies|project PREFIX
set -eu
step=$1
prefix=$2
export PIP_DISABLE_PIP_VERSION_CHECK=1

case $step in
  dependencies)
    "${PYTHON:-python3}" -m venv "$prefix"
    "$prefix/bin/pip" install --quiet --require-hashes --requirement requirements/run.lock
    ;;
  project)
    "$prefix/bin/pip" install --quiet --no-deps --no-build-isolation .
    ;;
  *)
    echo "usage: deploy/install.sh dependencies|project PREFIX" >&2
    exit 2
    ;;
esac
