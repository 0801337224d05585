#!/usr/bin/env bash
# Makes the virtual environments of the peers that the speed benchmark is compared with.
#
#   benchmarks/peers/setup.sh [folder]      # default: .peers/ in the repository's root
#
# Each peer gets its own environment, since their pins contradict each other (numpy, pandas).
# An environment that is already complete is left alone; delete its folder to start again.
# PYTHON names the interpreter to use (default: python3.11).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${1:-"$root/.peers"}
python=${PYTHON:-python3.11}

# install_peer NAME STEP...: each STEP is the argument list of one `pip install`, run in order.
install_peer() {
    local environment="$folder/$1" step
    shift
    local complete="$environment/.complete" wanted
    wanted=$(printf '%s\n' "$@")
    # The marker holds the steps themselves: a changed pin is installed, an unchanged one costs nothing.
    if [[ -f $complete && $(<"$complete") == "$wanted" ]]; then
        echo "$environment is complete"
        return
    fi
    [[ -x $environment/bin/python ]] || "$python" -m venv "$environment"
    for step in "$@"; do
        # shellcheck disable=SC2086  # a step is several words on purpose
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check $step
    done
    echo "$wanted" >"$complete"
    echo "$environment is made"
}

mkdir -p "$folder"

# torch comes first and alone, and is pinned again next to each peer: otherwise pip may pick another
# build of it (several GB of CUDA) while it resolves the peer.
install_peer freerec \
    "torch==2.13.0" \
    "torch==2.13.0 freerec==0.9.7 scikit-learn" \
    "--no-deps torchdata==0.7.0"
# scikit-learn: freerec.metrics imports it, but it is only an optional requirement.
# torchdata: later versions have no datapipes; 0.7.0 itself asks for an old torch, hence --no-deps.

install_peer recbole \
    "torch==2.13.0" \
    "torch==2.13.0 recbole==1.2.1 setuptools<81 numpy<2 pandas<3 scipy<1.13"
# setuptools<81: ray 2.6.3 imports pkg_resources. numpy<2: numpy.bool8. pandas<3: "C extension: None
# not built". scipy<1.13: LightGCN calls dok_matrix._update.

install_peer mamba \
    "torch==2.13.0" \
    "torch==2.13.0 mambapy==1.2.0"

install_peer rectools \
    "rectools==0.19.0 pyarrow==19.0.1"
# pyarrow: RecTools holds numpy below 2 by its implicit, and later pyarrows want 2. torch is not needed by PureSVD.
